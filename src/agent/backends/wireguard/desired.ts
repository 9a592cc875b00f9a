/**
 * What the wireguard backend wants: one device for each family (Mode `separate`) or one for both, its address, a route to
 * the whole network over it, and for the engine the peers (spec §5.5). Only families that the network has: a route to one
 * that it has not would be a default route (D-19).
 */
import type { Desired, DesiredRequest, RefusedLease, Underlay } from '#agent/backends/backend.ts';
import type { WireguardEngineState } from '#agent/backends/engine-state.ts';
import type { AddressEntry, EngineDevice, RouteEntry } from '#agent/kernel/state.ts';
import { addressBits, FAMILIES, type Family } from '#model/ip.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import type { WireguardOptions } from './options.ts';
import { type PeersOfDevice, type PeersRequest, separatePeers, singlePeers } from './peers.ts';

/** IPv6, UDP and WireGuard headers with their padding. */
const OVERHEAD_BYTES = 80;

const DEVICE = 'flannel-wg';
const DEVICE_V6 = 'flannel-wg-v6';

/** A device, its port and what it serves. */
export interface WireguardDevicePlan {
  readonly name: string;
  readonly listenPort: number;
  readonly families: readonly Family[];
}

/** The options with the families of the network document that they stand in. */
export interface WireguardNetwork {
  readonly options: WireguardOptions;
  readonly config: NetworkConfig;
}

export function wireguardMtu(options: WireguardOptions, underlay: Underlay): number {
  return (options.mtu ?? underlay.mtu) - OVERHEAD_BYTES;
}

export function familiesOf(config: NetworkConfig): readonly Family[] {
  return FAMILIES.filter((family) => config[family] !== undefined);
}

/** The devices that there are to be. */
export function wireguardDevices({ options, config }: WireguardNetwork): readonly WireguardDevicePlan[] {
  const families = familiesOf(config);
  if (options.mode !== 'separate') return [{ name: DEVICE, listenPort: options.listenPort, families }];
  return families.map((family) =>
    family === 'ipv4'
      ? { name: DEVICE, listenPort: options.listenPort, families: [family] }
      : { name: DEVICE_V6, listenPort: options.listenPortV6, families: [family] },
  );
}

export function desiredWireguardState(network: WireguardNetwork, request: DesiredRequest): Desired {
  const { options, config } = network;
  const { own, underlay } = request;
  const mtu = wireguardMtu(options, underlay);
  const plans = wireguardDevices(network);
  const addresses: AddressEntry[] = [];
  const routes: RouteEntry[] = [];
  for (const { name: device, families } of plans) {
    for (const family of families) {
      const address = own?.subnet[family]?.address;
      const destination = config[family]?.network;
      if (address === undefined || destination === undefined) continue;
      addresses.push({ device, address, length: addressBits(address) });
      routes.push({ type: 'link', device, destination, scope: 'link' });
    }
  }
  const refused: RefusedLease[] = [];
  const engine: WireguardEngineState = {
    type: 'wireguard',
    devices: plans.map((plan) => {
      const found = peersOf(network, request, plan);
      refused.push(...(found?.refused ?? []));
      return { name: plan.name, listenPort: plan.listenPort, peers: found?.peers };
    }),
  };
  const devices = plans.map(({ name }): EngineDevice => ({ kind: 'wireguard', name, mtu }));
  return { state: { devices, addresses, neighbors: [], fdb: [], routes }, engine, refused: onePerLease(refused) };
}

/** Undefined before there is a lease of our own: the peers are not known either then. */
function peersOf(
  { options, config }: WireguardNetwork,
  { own, identity, underlay, leases }: DesiredRequest,
  { families }: WireguardDevicePlan,
): PeersOfDevice | undefined {
  if (own === undefined) return undefined;
  const request: PeersRequest = {
    options,
    families: familiesOf(config),
    ownPublicKey: identity.published ?? '',
    ownAddresses: { ipv4: underlay.ipv4?.publicIp, ipv6: underlay.ipv6?.publicIp },
    leases,
  };
  const [family] = families;
  return options.mode === 'separate' && family !== undefined ? separatePeers(request, family) : singlePeers(request);
}

/** A lease that neither device can use is reported once, with the first reason. */
function onePerLease(refused: readonly RefusedLease[]): readonly RefusedLease[] {
  const seen = new Set<RefusedLease['lease']>();
  return refused.filter(({ lease }) => !seen.has(lease) && seen.add(lease));
}
