/** Who caused a change, as far as the kernel tells: it gives the netlink socket's port id, which says which process opened it. */
import { readFileSync, statSync } from 'node:fs';

/** The first netlink socket of a process has its pid for a port id; those that follow have chance numbers above this one. */
const LARGEST_PID = 2 ** 22;
const MOST_CHARACTERS = 32;

/** What /proc tells of a process: none of that pid is there any more, or it is one of another network namespace. */
export type LookUp = (pid: number) => { readonly name: string } | 'ended' | 'elsewhere';

/**
 * In words for a log; undefined where the kernel does not tell. `port` is nlmsg_pid of the notification. A process has often
 * ended by the time that it is looked for: `ip` lives some milliseconds.
 */
export function causerText(port: number | undefined, lookUp: LookUp): string | undefined {
  if (port === undefined) return undefined;
  if (port === 0) return 'the kernel';
  if (port > LARGEST_PID) return 'a program that the kernel does not name';
  const found = lookUp(port);
  // Another PID namespace counts anew: the number says nothing here.
  if (found === 'elsewhere') return 'a program that the kernel does not name';
  return found === 'ended' ? `pid ${port} (ended)` : `${found.name} (pid ${port})`;
}

/** `namespace`: path of the network namespace that the change was made in. */
export function lookUpProcess(namespace = '/proc/self/ns/net'): LookUp {
  return (pid) => {
    try {
      const name = cleanName(readFileSync(`/proc/${pid}/comm`, 'utf8'));
      return isElsewhere(pid, namespace) ? 'elsewhere' : { name };
    } catch {
      return 'ended';
    }
  };
}

/** Without CAP_SYS_PTRACE nobody may look: then the pid is believed. */
function isElsewhere(pid: number, namespace: string): boolean {
  try {
    return statSync(`/proc/${pid}/ns/net`).ino !== statSync(namespace).ino;
  } catch {
    return false;
  }
}

/** A process chooses its name itself. */
export function cleanName(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '').slice(0, MOST_CHARACTERS);
}
