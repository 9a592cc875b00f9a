/**
 * Which interface carries the fabric, and with which addresses, and why (spec §3.3): by name, by address, by pattern, by
 * the route to a host, by public address, by default route. Pure. Changes at run time: follow-underlay.ts.
 */
import type { Underlay } from '#agent/backends/backend.ts';
import type { HostNetwork } from '#agent/kernel/kernel.ts';
import type { ObservedAddress, ObservedLink } from '#agent/kernel/state.ts';
import { type Family, familyOf, formatIp, type Ip, parseIp } from '#model/ip.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import type { Ipv6 } from '#model/ipv6.ts';
import { Fault } from '#runtime/fault.ts';
import { bestAddress, isIpv6LinkLocal, usableAddresses } from './choose-underlay-address.ts';

/** What the operator said about the interface, from flags. */
export interface UnderlayWish {
  /** `-iface`: names or addresses, tried in order. */
  readonly interfaces: readonly string[];
  /** `-iface-regex`: tried in order after those. */
  readonly interfacePatterns: readonly RegExp[];
  /** `-iface-can-reach`: tried after those, by the route in HostNetwork.reach. */
  readonly canReach: Ip | undefined;
  readonly publicIp: Ipv4 | undefined;
  readonly publicIpv6: Ipv6 | undefined;
}

export interface UnderlayRequest extends UnderlayWish {
  /** The families that the network has. */
  readonly families: readonly Family[];
}

export interface ChosenUnderlay {
  readonly underlay: Underlay;
  /** How the choice was made, for the log. */
  readonly by: string;
}

/** An interface, and the addresses on it that the operator named. */
interface Found {
  readonly link: ObservedLink;
  readonly addresses: readonly Ip[];
  readonly by: string;
}

/** Throws Fault `host.no-interface`. */
export function chooseUnderlay(request: UnderlayRequest, host: HostNetwork): ChosenUnderlay {
  const found = find(request, host);
  const { link, by } = found;
  if (link.mtu === 0) throw nothingFound(host, `interface ${link.name} has MTU 0`);
  const underlay = underlayOn(link, found.addresses, request, host.addresses);
  if (typeof underlay === 'object') return { underlay, by };
  if (underlay === 'ipv4') throw nothingFound(host, `failed to find IPv4 address for interface ${link.name}`);
  const isEarly = host.addresses.some((entry) => entry.linkIndex === link.index && isIpv6LinkLocal(entry.address));
  throw nothingFound(
    host,
    isEarly
      ? `interface ${link.name} has only a link-local IPv6 address yet, which other hosts cannot use`
      : `failed to find IPv6 address for interface ${link.name}`,
  );
}

/**
 * The underlay on that interface, or the family that it has no usable address of. `preferred`: taken if they are there, but
 * no link-local IPv6 address is.
 */
export function underlayOn(
  { name, index, mtu }: ObservedLink,
  preferred: readonly Ip[],
  request: UnderlayRequest,
  addresses: readonly ObservedAddress[],
): Underlay | Family {
  const own = addresses.filter((entry) => entry.linkIndex === index && !isIpv6LinkLocal(entry.address));
  const take = (family: Family): Ip | undefined => {
    const wanted = preferred.find(
      (address) => familyOf(address) === family && own.some((entry) => entry.address === address),
    );
    return wanted ?? bestAddress(own, family);
  };
  let underlay: Underlay = { name, index, mtu };
  for (const family of request.families) {
    const address = take(family);
    if (typeof address === 'number') {
      underlay = { ...underlay, ipv4: { address, publicIp: request.publicIp ?? address } };
    } else if (typeof address === 'bigint') {
      underlay = { ...underlay, ipv6: { address, publicIp: request.publicIpv6 ?? address } };
    } else return family;
  }
  return underlay;
}

function find(request: UnderlayRequest, host: HostNetwork): Found {
  const tried: string[] = [];
  for (const wanted of request.interfaces) {
    const found = byNameOrAddress(wanted, request, host);
    if (typeof found === 'object') return found;
    tried.push(found);
  }
  for (const pattern of request.interfacePatterns) {
    const found = byPattern(pattern, request, host);
    if (found !== undefined) return found;
    tried.push(`-iface-regex ${pattern.source} matches no usable address and no name`);
  }
  if (request.canReach !== undefined) {
    const found = byReach(request.canReach, host);
    if (found !== undefined) return found;
    tried.push(`-iface-can-reach ${formatIp(request.canReach)}: there is no route to it over an interface`);
  }
  if (tried.length > 0) throw nothingFound(host, tried.join('; '));
  return byPublicAddress(request, host) ?? byDefaultRoute(request, host);
}

/** Undefined is told as a sentence. */
function byNameOrAddress(wanted: string, request: UnderlayRequest, host: HostNetwork): Found | string {
  const by = `-iface ${wanted}`;
  const address = parseIp(wanted);
  if (address === undefined) {
    const link = host.links.find((candidate) => candidate.name === wanted);
    return link === undefined ? `${by}: there is no interface of that name` : { link, addresses: [], by };
  }
  if (!request.families.includes(familyOf(address))) {
    return `${by}: the network has no ${familyOf(address) === 'ipv4' ? 'IPv4' : 'IPv6'}`;
  }
  const link = ownerOf(address, host);
  if (link === undefined) return `${by}: no interface has that address`;
  // In dual stack the public IPv6 address may say which of several IPv6 addresses it is, but not another interface.
  const other = typeof address === 'number' ? request.publicIpv6 : request.publicIp;
  const owner = other === undefined ? undefined : ownerOf(other, host);
  if (other !== undefined && owner !== undefined && owner.index !== link.index) {
    return `${by} is on ${link.name}, and the public address ${formatIp(other)} on ${owner.name}: they must be on one`;
  }
  return { link, addresses: other === undefined ? [address] : [address, other], by };
}

/** First by the addresses, where each family must match on one interface; then by names. */
function byPattern(pattern: RegExp, request: UnderlayRequest, host: HostNetwork): Found | undefined {
  const by = `-iface-regex ${pattern.source}`;
  for (const link of host.links) {
    const own = host.addresses.filter((entry) => entry.linkIndex === link.index);
    const matching = request.families.map((family) =>
      usableAddresses(own, family).find(({ address }) => pattern.test(formatIp(address))),
    );
    const addresses = matching.flatMap((entry) => (entry === undefined ? [] : [entry.address]));
    if (addresses.length === request.families.length) return { link, addresses, by };
  }
  const link = host.links.find(({ name }) => pattern.test(name));
  return link === undefined ? undefined : { link, addresses: [], by };
}

function byReach(target: Ip, host: HostNetwork): Found | undefined {
  const link = host.links.find(({ index }) => index === host.reach?.linkIndex);
  const source = host.reach?.source;
  const by = `-iface-can-reach ${formatIp(target)}`;
  return link === undefined ? undefined : { link, addresses: source === undefined ? [] : [source], by };
}

/** A public address that is not on this host (NAT) chooses nothing: the default route does. */
function byPublicAddress({ publicIp, publicIpv6, families }: UnderlayRequest, host: HostNetwork): Found | undefined {
  const given = [
    ['-public-ip', publicIp],
    ['-public-ipv6', publicIpv6],
  ] as const;
  for (const [by, address] of given) {
    if (address === undefined || !families.includes(familyOf(address))) continue;
    const link = ownerOf(address, host);
    const addresses = [publicIp, publicIpv6].flatMap((each) => each ?? []);
    if (link !== undefined) return { link, addresses, by };
  }
  return undefined;
}

function byDefaultRoute({ families }: UnderlayRequest, host: HostNetwork): Found {
  const links = families.map((family) => {
    const index = host.defaultRoutes[family];
    const kind = family === 'ipv4' ? 'IPv4' : 'IPv6';
    if (index === undefined) throw nothingFound(host, `there is no default route for ${kind}`);
    const link = host.links.find((candidate) => candidate.index === index);
    if (link === undefined) throw nothingFound(host, `the default route for ${kind} has no single interface`);
    return link;
  });
  const [link, other] = links;
  if (link === undefined) throw nothingFound(host, 'the network has no family');
  if (other !== undefined && other.index !== link.index) {
    throw nothingFound(host, `the default routes for IPv4 and IPv6 go over ${link.name} and ${other.name}`);
  }
  return { link, addresses: [], by: 'default route' };
}

function ownerOf(address: Ip, host: HostNetwork): ObservedLink | undefined {
  const entry = host.addresses.find((candidate) => candidate.address === address);
  return host.links.find((link) => link.index === entry?.linkIndex);
}

function nothingFound(host: HostNetwork, why: string): Fault {
  const known = host.links.map((link) => {
    const own = host.addresses.filter((entry) => entry.linkIndex === link.index);
    return `${link.name}:[${own.map((entry) => formatIp(entry.address)).join(' ')}]`;
  });
  return new Fault('host.no-interface', { what: 'no interface to use for the fabric', where: known.join(' '), why });
}
