/** The report of an agent, from its control socket; or, when none answers, what is true on this host. */
import { askAgent } from '#agent/control/ask-agent.ts';
import { unreadable } from '#agent/control/protocol.ts';
import type { StatusReport } from '#agent/publish/status-report.ts';
import { Fault } from '#runtime/fault.ts';
import { type AgentFound, findAgents } from './find-agents.ts';

export interface StatusRequest {
  readonly socket: string;
  readonly peers: boolean;
  readonly timeoutMs?: number;
}

/** Throws the Faults of `askAgent`. */
export async function askStatus({ socket, peers, timeoutMs }: StatusRequest): Promise<StatusReport> {
  const request = { socket, method: 'status', params: { peers } };
  const answer: unknown = await askAgent(timeoutMs === undefined ? request : { ...request, timeoutMs });
  if (isReport(answer)) return answer;
  throw unreadable('the report of the agent has another format than this weft reads');
}

/** With one who looks for agents in the list of processes when none answers. */
export async function askStatusOrExplain(request: StatusRequest): Promise<StatusReport> {
  try {
    return await askStatus(request);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'agent.not-running') throw error;
    throw explain(error, findAgents());
  }
}

/** The same fault with what the list of processes says. */
export function explain(fault: Fault, agents: readonly AgentFound[]): Fault {
  const { message: what, where = '', why = '', cause } = fault;
  const [agent] = agents;
  if (agent === undefined) {
    return new Fault('agent.not-running', { what, where, why: `${why}, and no process here is an agent`, cause });
  }
  const { pid, socket } = agent;
  if (socket === undefined || socket === where) {
    return new Fault('agent.not-running', {
      what: `the agent, process ${pid}, does not answer`,
      where,
      why: `${why}: it started less than a second ago, is of an older version, or could not open its control socket`,
      remedy: "look into its log for 'control socket': journalctl -u weftd; systemctl reload weftd tries it again",
      cause,
    });
  }
  return new Fault('agent.not-running', {
    what: `the agent, process ${pid}, does not answer at this socket`,
    where,
    why: socket === '' ? 'it was started without one (-control-socket is empty)' : `its socket is ${socket}`,
    remedy: socket === '' ? 'start it with -control-socket' : `weft status --socket ${socket}`,
    cause,
  });
}

/** The agent is a program of ours; only its version may be another one. */
function isReport(answer: unknown): answer is StatusReport {
  return typeof answer === 'object' && answer !== null && 'format' in answer && answer.format === 1;
}
