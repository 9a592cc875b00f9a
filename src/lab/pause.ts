/** Processes of a lab held and released, as a machine that hangs and comes to: SIGSTOP and SIGCONT. */
import { Fault } from '#runtime/fault.ts';
import { agentOf } from './agents.ts';
import { membersOf } from './etcd-access.ts';
import { findHost } from './find-host.ts';
import { memberName, memberOf } from './lab-etcd.ts';
import { isRunning, signalProcesses } from './process-identity.ts';
import { type LabProcess, type LabState, requireState } from './state.ts';

/** Stops the agent of a host (`host2`) or an etcd member (`etcd2`) where it is. Fault `lab.host` when it does not run. */
export function pauseProcess(lab: string, target: string): LabProcess {
  return signal(lab, target, 'SIGSTOP');
}

/** Lets it go on; nothing happens to one that is not stopped. */
export function resumeProcess(lab: string, target: string): LabProcess {
  return signal(lab, target, 'SIGCONT');
}

function signal(lab: string, target: string, which: 'SIGSTOP' | 'SIGCONT'): LabProcess {
  const process = findProcess(requireState(lab), target);
  signalProcesses([process], which);
  return process;
}

function findProcess(state: LabState, target: string): LabProcess {
  const member = membersOf(state.plan).find((host) => memberName(host) === target);
  const process = member === undefined ? agentOf(state, findHost(state.plan, target)) : memberOf(state, member);
  if (process !== undefined && isRunning(process)) return process;
  const verb = member === undefined ? 'start-agent' : 'start-etcd';
  throw new Fault('lab.host', {
    what: member === undefined ? `no agent runs on ${target}` : `the etcd member ${target} does not run`,
    remedy: `start it: weft lab ${verb} ${target}`,
  });
}
