/** What the fast path is to be and is, as values, and the operations that turn one into the other. Pure. */
import type { Ipv4Cidr } from '#model/cidr.ts';
import { formatIpv4, type Ipv4 } from '#model/ipv4.ts';
import type { Mac } from '#model/mac.ts';

/** What the programs know of the network. */
export interface PathFabric {
  readonly network: Ipv4Cidr;
  /** This host's own. */
  readonly subnet: Ipv4Cidr;
  /** Index of the VXLAN device. */
  readonly tunnel: number;
}

/** A Pod of this host. */
export interface Endpoint {
  readonly address: Ipv4;
  /** Index of the host's side of its veth. */
  readonly port: number;
  /** Index of the bridge that holds it. */
  readonly bridge: number;
  readonly podMac: Mac;
  readonly bridgeMac: Mac;
}

export type PathProgram = 'from_pod' | 'from_tunnel';

/** Everything that must be so, and nothing else. Undefined in place of it: no program anywhere. */
export interface WantedPath {
  readonly fabric: PathFabric;
  readonly endpoints: readonly Endpoint[];
}

export interface ObservedPath {
  /** Undefined while nothing was written. */
  readonly fabric: PathFabric | undefined;
  readonly endpoints: readonly Endpoint[];
  /** Program by index of the device. A link whose device is gone or that was detached is not here. */
  readonly attached: ReadonlyMap<number, PathProgram>;
}

export type PathOperation =
  | { readonly type: 'fabric-write'; readonly fabric: PathFabric }
  | { readonly type: 'endpoint-write'; readonly endpoint: Endpoint }
  | { readonly type: 'endpoint-delete'; readonly address: Ipv4 }
  | { readonly type: 'attach'; readonly program: PathProgram; readonly device: number }
  | { readonly type: 'detach'; readonly device: number };

/** Programs go before what they look at, and come after it. */
export function diffPath(wanted: WantedPath | undefined, observed: ObservedPath): readonly PathOperation[] {
  const endpoints = wanted?.endpoints ?? [];
  const programs = programsOf(wanted);
  const had = new Map(observed.endpoints.map((endpoint) => [endpoint.address, endpoint]));
  const stay = new Set(endpoints.map(({ address }) => address));
  const detach = [...observed.attached.keys()].filter(
    (device) => programs.get(device) !== observed.attached.get(device),
  );
  const attach = [...programs].filter(([device, program]) => observed.attached.get(device) !== program);
  return [
    ...detach.map((device) => ({ type: 'detach', device }) as const),
    ...[...had.keys()]
      .filter((address) => !stay.has(address))
      .map((address) => ({ type: 'endpoint-delete', address }) as const),
    ...(wanted !== undefined && !sameFabric(wanted.fabric, observed.fabric)
      ? [{ type: 'fabric-write', fabric: wanted.fabric } as const]
      : []),
    ...endpoints
      .filter((endpoint) => !sameEndpoint(endpoint, had.get(endpoint.address)))
      .map((endpoint) => ({ type: 'endpoint-write', endpoint }) as const),
    ...attach.map(([device, program]) => ({ type: 'attach', program, device }) as const),
  ];
}

/** What must stand where, by index of the device. */
function programsOf(wanted: WantedPath | undefined): ReadonlyMap<number, PathProgram> {
  if (wanted === undefined) return new Map();
  return new Map<number, PathProgram>([
    [wanted.fabric.tunnel, 'from_tunnel'],
    ...wanted.endpoints.map(({ port }) => [port, 'from_pod'] as const),
  ]);
}

export function samePath(a: WantedPath | undefined, b: WantedPath | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.endpoints.length !== b.endpoints.length || !sameFabric(a.fabric, b.fabric)) return false;
  return a.endpoints.every((endpoint, at) => sameEndpoint(endpoint, b.endpoints[at]));
}

export function operationText(operation: PathOperation): string {
  switch (operation.type) {
    case 'fabric-write':
      return `write the network (device ${operation.fabric.tunnel})`;
    case 'endpoint-write':
      return `write Pod ${formatIpv4(operation.endpoint.address)} (device ${operation.endpoint.port})`;
    case 'endpoint-delete':
      return `delete Pod ${formatIpv4(operation.address)}`;
    case 'attach':
      return `attach ${operation.program} to device ${operation.device}`;
    case 'detach':
      return `detach from device ${operation.device}`;
  }
}

function sameFabric(a: PathFabric, b: PathFabric | undefined): boolean {
  return b !== undefined && a.tunnel === b.tunnel && sameCidr(a.network, b.network) && sameCidr(a.subnet, b.subnet);
}

function sameCidr(a: Ipv4Cidr, b: Ipv4Cidr): boolean {
  return a.address === b.address && a.length === b.length;
}

function sameEndpoint(a: Endpoint, b: Endpoint | undefined): boolean {
  if (b === undefined) return false;
  return a.port === b.port && a.bridge === b.bridge && a.podMac === b.podMac && a.bridgeMac === b.bridgeMac;
}
