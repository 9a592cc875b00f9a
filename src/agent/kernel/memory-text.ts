/** What MemoryKernel holds, as `ip -d link`, `ip address`, `ip neigh`, `bridge fdb` and `ip route` would tell it. */
import { formatIp } from '#model/ip.ts';
import type { Holdings } from './memory-devices.ts';
import { routeText } from './operation-text.ts';
import type { ObservedLink, RouteEntry } from './state.ts';

/** `routes`: the whole table. */
export function printedDevice(device: Holdings, routes: readonly RouteEntry[]): readonly string[] {
  const { name, mac, mtu, up } = device.link;
  const lines = [`${name}: mtu ${mtu}${mac === '' ? '' : ` ${mac}`}${up ? ' up' : ''}${kindText(device.link)}`];
  for (const { address, length } of device.addresses) {
    lines.push(`${typeof address === 'number' ? 'inet' : 'inet6'} ${formatIp(address)}/${length}`);
  }
  for (const { address, mac: peer } of device.neighbors.values()) {
    lines.push(`neigh ${formatIp(address)} lladdr ${peer} PERMANENT`);
  }
  for (const { mac: peer, destination } of device.fdb.values()) {
    lines.push(`fdb ${peer} dst ${formatIp(destination)} self permanent`);
  }
  for (const route of routes) {
    if (route.type !== 'blackhole' && route.device === name) lines.push(`route ${printedRoute(route)}`);
  }
  return lines;
}

function kindText({ vxlan, ipip }: ObservedLink): string {
  if (vxlan !== undefined) return ` vxlan id ${vxlan.vni}`;
  return ipip === undefined ? '' : ` ipip local ${formatIp(ipip.local)}`;
}

/** `ip route` shows a nexthop object's gateway and device as well. */
export function printedRoute(route: RouteEntry): string {
  if (route.type === 'blackhole' || route.type === 'link' || route.nexthop === undefined) return routeText(route);
  const { nexthop, ...plain } = route;
  return routeText(plain).replace(' via ', ` nhid ${nexthop} via `);
}
