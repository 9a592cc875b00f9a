/** Sysctls: the kernel's settings as files below /proc/sys, in a network namespace. Synchronous, as setns needs it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { loadNative } from '#netlink/native.ts';
import { Fault } from '#runtime/fault.ts';
import type { Observed, SysctlEntry } from './state.ts';

const ROOT = '/proc/sys/';

/**
 * Those that are there. Whether a router gave the underlay its default route is asked for only where it matters: with IPv6
 * forwarding on, a kernel listens to routers only where accept_ra is 2. `namespace` is a path.
 */
export function observeSysctls(
  names: readonly string[],
  namespace: string | undefined,
  underlay: string,
  hasAdvertisedRoute: () => boolean,
): Pick<Observed, 'sysctls' | 'advertisedRoute'> {
  const sysctls = readSysctls(names, namespace);
  const isThere = (name: string, value: string): boolean =>
    sysctls.some((entry) => entry.name === name && entry.value === value);
  const matters = isThere('net/ipv6/conf/all/forwarding', '0') && isThere(`net/ipv6/conf/${underlay}/accept_ra`, '1');
  return { sysctls, advertisedRoute: matters && hasAdvertisedRoute() };
}

/** What cannot be read is left out: IPv6 may be off, a device gone. */
function readSysctls(names: readonly string[], namespace: string | undefined): readonly SysctlEntry[] {
  if (names.length === 0) return [];
  return within(namespace, () =>
    names.flatMap((name) => {
      try {
        return [{ name, value: readFileSync(ROOT + name, 'latin1').trim() }];
      } catch {
        return [];
      }
    }),
  );
}

/** Fault `kernel.sysctl` when the kernel or the file system refuses. */
export function writeSysctl({ name, value }: SysctlEntry, namespace: string | undefined): void {
  try {
    within(namespace, () => writeFileSync(ROOT + name, value));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('kernel.sysctl', { what: `${name} cannot be set to ${value}`, where: ROOT + name, why, cause });
  }
}

function within<Result>(namespace: string | undefined, work: () => Result): Result {
  return namespace === undefined ? work() : loadNative().inNamespace(namespace, work);
}
