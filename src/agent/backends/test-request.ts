/** Requests and their outcome as text, for tests of backends. */
import { operationText } from '#agent/kernel/operation-text.ts';
import type { HostRoute, Operation } from '#agent/kernel/state.ts';
import { parseCidr, parseIp } from '#model/ip.ts';
import { parseIpv4 } from '#model/ipv4.ts';
import { parseIpv6 } from '#model/ipv6.ts';
import type { Lease } from '#model/lease.ts';
import { decodeLeaseRecord } from '#model/lease-record.ts';
import { type NetworkConfig, parseNetworkConfig } from '#model/network-config.ts';
import { parseSubnetKey } from '#model/subnet-key.ts';
import type { Backend, DesiredRequest, Underlay } from './backend.ts';
import { openBackend } from './registry.ts';

/** A lease from the text of its key and of its value. */
export function recordedLease(name: string, value: string, created = 1): Lease {
  const subnet = parseSubnetKey(name);
  const record = decodeLeaseRecord(value);
  if (subnet === undefined || !('attributes' in record)) throw new Error(`no lease: ${name} ${value}`);
  return { subnet, attributes: record.attributes, reservation: false, created, modified: created };
}

export function networkOf(document: string): NetworkConfig {
  const parsed = parseNetworkConfig(document);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

export function backendOf(document: string): Backend {
  const opened = openBackend(networkOf(document));
  if ('problems' in opened) throw new Error(JSON.stringify(opened.problems));
  return opened.backend;
}

/** eth0 with index 2 and MTU 1500. */
export function underlayOf(ipv4: string | undefined, ipv6?: string): Underlay {
  const address = parseIpv4(ipv4 ?? '');
  const address6 = parseIpv6(ipv6 ?? '::');
  return {
    name: 'eth0',
    index: 2,
    mtu: 1500,
    ...(address === undefined ? {} : { ipv4: { address, publicIp: address } }),
    ...(ipv6 === undefined || address6 === undefined ? {} : { ipv6: { address: address6, publicIp: address6 } }),
  };
}

/** A route of the host over eth0. */
export function hostRoute(destination: string, gateway?: string, linkIndex = 2): HostRoute {
  const cidr = parseCidr(destination);
  if (cidr === undefined) throw new Error(`no network: ${destination}`);
  return { destination: cidr, linkIndex, gateway: gateway === undefined ? undefined : parseIp(gateway) };
}

/** What the backend wants as the commands that would make it, and why leases are refused. */
export function wantedText(
  backend: Backend,
  request: Pick<DesiredRequest, 'underlay' | 'own' | 'leases'> & Partial<DesiredRequest>,
): { readonly commands: readonly string[]; readonly refused: readonly string[] } {
  const identity = backend.identify({
    recorded: request.own?.attributes,
    links: [],
    randomMacs: { ipv4: '02:00:00:00:00:04', ipv6: '02:00:00:00:00:06' },
    published: undefined,
  });
  const { state, refused } = backend.desired({ identity, hostRoutes: [], ...request });
  const operations: readonly Operation[] = [
    ...state.devices.flatMap((device): readonly Operation[] =>
      device.kind === 'vxlan' || device.kind === 'ipip' ? [{ type: 'device-add', device }] : [],
    ),
    ...state.addresses.map((entry) => ({ type: 'address-add', entry }) as const),
    ...state.neighbors.map((entry) => ({ type: 'neighbor-replace', entry }) as const),
    ...state.fdb.map((entry) => ({ type: 'fdb-replace', entry }) as const),
    ...state.routes.map((entry) => ({ type: 'route-replace', entry }) as const),
  ];
  return { commands: operations.map(operationText), refused: refused.map(({ reason }) => reason) };
}
