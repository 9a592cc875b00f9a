/** Agents among the processes of this host: those in the network that we are in, since a lab has one for each host. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface AgentFound {
  readonly pid: number;
  /** What `-control-socket` says on its command line; undefined without the flag. */
  readonly socket: string | undefined;
}

export function findAgents(): readonly AgentFound[] {
  const network = linkOf('self');
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.flatMap((pid) => {
    const agent = readAgent(commandLine(pid));
    return agent === undefined || linkOf(pid) !== network ? [] : [{ pid, ...agent }];
  });
}

/** Whether these words started an agent, and its flag: `node …/weft.js agent -control-socket=…`. */
export function readAgent(words: readonly string[]): Omit<AgentFound, 'pid'> | undefined {
  const at = words.findIndex((word, index) => /(^|\/)weft\.(js|ts)$/.test(word) && words[index + 1] === 'agent');
  if (at < 0) return undefined;
  const flags = words.slice(at + 2);
  let socket: string | undefined;
  for (const [index, word] of flags.entries()) {
    const [, value] = /^--?control-socket(?:=(.*))?$/s.exec(word) ?? [undefined, undefined];
    if (/^--?control-socket(=|$)/.test(word)) socket = value ?? flags[index + 1] ?? '';
  }
  return { socket };
}

function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    // It ended meanwhile.
    return [];
  }
}

function linkOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}
