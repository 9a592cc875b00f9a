/** Which interface carries the fabric, and why (spec §3.3): by name, by address, by public address, by default route. */
import type { Underlay } from '#agent/backends/backend.ts';
import type { HostNetwork } from '#agent/kernel/kernel.ts';
import type { ObservedAddress, ObservedLink } from '#agent/kernel/state.ts';
import { formatIpv4, type Ipv4, parseIpv4 } from '#model/ipv4.ts';
import { Fault } from '#runtime/fault.ts';

export interface UnderlayRequest {
  /** Names or addresses, tried in order. */
  readonly interfaces: readonly string[];
  readonly publicIp: Ipv4 | undefined;
}

export interface ChosenUnderlay {
  readonly underlay: Underlay;
  /** How the choice was made, for the log. */
  readonly by: string;
}

/** Throws Fault `host.no-interface`. */
export function chooseUnderlay(request: UnderlayRequest, host: HostNetwork): ChosenUnderlay {
  const tried: string[] = [];
  for (const wanted of request.interfaces) {
    const found = byNameOrAddress(wanted, host);
    if (found !== undefined) return complete(request, host, found.link, found.address, `-iface ${wanted}`);
    tried.push(wanted);
  }
  if (tried.length > 0) throw nothingFound(host, `none of ${tried.join(', ')} is an interface or an address of one`);
  if (request.publicIp !== undefined) {
    const owner = byAddress(request.publicIp, host);
    if (owner !== undefined) return complete(request, host, owner, request.publicIp, '-public-ip');
  }
  const link = host.links.find((candidate) => candidate.index === host.defaultRouteIndex);
  if (link === undefined) throw nothingFound(host, 'there is no default route with a single interface');
  return complete(request, host, link, undefined, 'default route');
}

function complete(
  request: UnderlayRequest,
  host: HostNetwork,
  link: ObservedLink,
  chosen: Ipv4 | undefined,
  by: string,
): ChosenUnderlay {
  const address = chosen ?? bestAddress(link, host);
  if (address === undefined) throw nothingFound(host, `failed to find IPv4 address for interface ${link.name}`);
  if (link.mtu === 0) throw nothingFound(host, `interface ${link.name} has MTU 0`);
  const { name, index, mtu } = link;
  return { underlay: { name, index, mtu, address, publicIp: request.publicIp ?? address }, by };
}

function byNameOrAddress(
  wanted: string,
  host: HostNetwork,
): { link: ObservedLink; address: Ipv4 | undefined } | undefined {
  const address = parseIpv4(wanted);
  const link =
    address === undefined ? host.links.find((candidate) => candidate.name === wanted) : byAddress(address, host);
  return link === undefined ? undefined : { link, address };
}

function byAddress(address: Ipv4, host: HostNetwork): ObservedLink | undefined {
  const entry = host.addresses.find((candidate) => candidate.address === address);
  return host.links.find((link) => link.index === entry?.linkIndex);
}

const SCOPE_UNIVERSE = 0;

/** Global before link-local, permanent before dynamic, else the kernel's order; deprecated and host-scope ones never. */
function bestAddress(link: ObservedLink, host: HostNetwork): Ipv4 | undefined {
  const rank = (entry: ObservedAddress): number => (isLinkLocal(entry.address) ? 2 : 0) + (entry.permanent ? 0 : 1);
  return host.addresses
    .filter((entry) => entry.linkIndex === link.index && entry.scope === SCOPE_UNIVERSE && !entry.deprecated)
    .toSorted((a, b) => rank(a) - rank(b))[0]?.address;
}

function isLinkLocal(address: Ipv4): boolean {
  return address >>> 16 === 0xa9fe;
}

function nothingFound(host: HostNetwork, why: string): Fault {
  const known = host.links.map((link) => {
    const own = host.addresses.filter((entry) => entry.linkIndex === link.index);
    return `${link.name}:[${own.map((entry) => formatIpv4(entry.address)).join(' ')}]`;
  });
  return new Fault('host.no-interface', { what: 'no interface to use for the fabric', where: known.join(' '), why });
}
