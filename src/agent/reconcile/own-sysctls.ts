/**
 * The sysctls that the fabric needs: forwarding for all interfaces, for the underlay and for our devices, in the families that
 * the fabric has; and none of our devices listens to router advertisements. Where the operator makes the routes (alloc,
 * extension) they are the operator's too. Pure.
 *
 * A host with IPv6 forwarding does not listen to routers any more and drops the default route that one gave it, unless
 * accept_ra is 2: where the underlay lives by one, that is set first.
 */
import type { Backend } from '#agent/backends/backend.ts';
import type { Observed, SysctlOperation } from '#agent/kernel/state.ts';
import type { Family } from '#model/ip.ts';

/** IPv4 has another name for that of all interfaces, which everybody knows. */
const ALL: Record<Family, string> = { ipv4: 'net/ipv4/ip_forward', ipv6: 'net/ipv6/conf/all/forwarding' };

/** Those to look at, and to set: paths below /proc/sys. */
export function ownSysctls(
  backend: Pick<Backend, 'devices' | 'underlayRoutes'>,
  underlay: string,
  families: readonly Family[],
): readonly string[] {
  if (backend.underlayRoutes === 'operators') return [];
  const interfaces = [underlay, ...backend.devices];
  const forwarding = families.flatMap((family) => [
    ALL[family],
    ...interfaces.map((name) => `net/${family}/conf/${name}/forwarding`),
  ]);
  const devices = backend.devices.map((name) => `net/ipv6/conf/${name}/accept_ra`);
  return [...forwarding, ...(families.includes('ipv6') ? [acceptsRouters(underlay)] : []), ...devices];
}

/** What differs. `given up`: names that the kernel did not let us set. */
export function sysctlOperations(
  { sysctls = [], advertisedRoute = false }: Pick<Observed, 'sysctls' | 'advertisedRoute'>,
  underlay: string,
  givenUp: ReadonlySet<string>,
): readonly SysctlOperation[] {
  const operations: SysctlOperation[] = [];
  for (const { name, value: found } of sysctls) {
    const value = wanted(name, found, underlay, advertisedRoute);
    if (found === value || givenUp.has(name)) continue;
    operations.push({ type: 'sysctl-set', name, value, found });
  }
  const switched = new Set(operations.map(({ name }) => name));
  // Switching it for all switches it for each.
  const needed = operations.filter(({ name }) => {
    const family = /^net\/(ipv4|ipv6)\/conf\/(?!all\/)[^/]+\/forwarding$/.exec(name)?.[1];
    return (family !== 'ipv4' && family !== 'ipv6') || !switched.has(ALL[family]);
  });
  // The default route must not be lost in between.
  return needed.sort((a, b) => Number(b.name.endsWith('/accept_ra')) - Number(a.name.endsWith('/accept_ra')));
}

function wanted(name: string, found: string, underlay: string, advertisedRoute: boolean): string {
  if (name === acceptsRouters(underlay)) return advertisedRoute ? '2' : found;
  return name.endsWith('/accept_ra') ? '0' : '1';
}

function acceptsRouters(underlay: string): string {
  return `net/ipv6/conf/${underlay}/accept_ra`;
}
