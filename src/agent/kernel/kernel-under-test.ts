/** What a Kernel is tested with: a host, states with peers, and how a kernel is brought to a state. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { type Cidr, parseCidr } from '#model/ip.ts';
import { parseIpv4 } from '#model/ipv4.ts';
import { parseIpv6 } from '#model/ipv6.ts';
import { diff } from './diff.ts';
import type { Kernel } from './kernel.ts';
import type { Ownership } from './ownership.ts';
import type { DesiredState, Operation, VxlanDevice } from './state.ts';

/** A kernel whose host has one interface `eth0`, up, with the addresses 192.0.2.1/24 and fd00:77::1/64 and MTU 1500. */
export interface KernelUnderTest {
  readonly kernel: Kernel;
  /** Another program's operations, as the kernel would see them. */
  disturb(operations: readonly Operation[]): void;
  /** Another program's route over eth0, with a protocol of its own (`proto static`). */
  addForeignRoute(destination: string, gateway: string): void;
  /** Another program's nexthop object over eth0. */
  addForeignNexthop(id: number): void;
  /** The IPv4 address of eth0 is this one from now on. */
  readdress(address: string): void;
  close(): void;
}

export const DEVICE = 'flannel.1';

/** What is ours in a fabric of vxlan, IPv4 only. */
export const OWN: Ownership = {
  devices: [DEVICE],
  underlay: 'eth0',
  underlayRoutes: 'ours',
  networks: [{ network: cidr('10.244.0.0/14'), subnetLength: 24 }],
  blackholes: false,
  hostRoutes: false,
};

export function vxlanDevice(more: Partial<VxlanDevice> = {}): VxlanDevice {
  return {
    kind: 'vxlan',
    name: DEVICE,
    vni: 1,
    mtu: 1450,
    mac: '02:00:00:00:00:01',
    local: address('192.0.2.1'),
    underlay: 'eth0',
    port: 8472,
    learning: false,
    gbp: false,
    ...more,
  };
}

/** State with `peers` peers: 10.244.1.0/24, 10.244.2.0/24, … behind 198.51.100.1, … */
export function desiredWithPeers(peers: number, device: Partial<VxlanDevice> = {}): DesiredState {
  const list = Array.from({ length: peers }, (_, index) => ({
    subnet: { address: address('10.244.0.0') + (index + 1) * 256, length: 24 },
    mac: `02:11:00:00:${hex(index >> 8)}:${hex(index & 255)}`,
    publicIp: address('198.51.100.0') + index + 1,
  }));
  return {
    devices: [vxlanDevice(device)],
    addresses: [{ device: DEVICE, address: address('10.244.0.0'), length: 32 }],
    neighbors: list.map(({ subnet, mac }) => ({ device: DEVICE, address: subnet.address, mac })),
    fdb: list.map(({ mac, publicIp }) => ({ device: DEVICE, mac, destination: publicIp })),
    routes: list.map(({ subnet }) => ({
      type: 'onlink',
      device: DEVICE,
      destination: subnet,
      gateway: subnet.address,
    })),
  };
}

/** Applies until nothing differs; fails after three rounds. */
export function converge(kernel: Kernel, desired: DesiredState, own: Ownership = OWN): void {
  for (let round = 0; round < 3; round += 1) {
    const operations = diff(desired, kernel.observe(own), own);
    if (operations.length === 0) return;
    const { failed } = kernel.apply(operations);
    assert.deepEqual(
      failed.map(({ fault }) => fault.summary),
      [],
    );
  }
  assert.deepEqual(diff(desired, kernel.observe(own), own), []);
}

export type Behaviour = readonly [name: string, run: (host: KernelUnderTest) => void | Promise<void>];

export function address(text: string): number {
  return parseIpv4(text) ?? assert.fail(text);
}

export function cidr(text: string): Cidr {
  return parseCidr(text) ?? assert.fail(text);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/** Entries as texts that can be compared whatever their order. */
export function sorted<Entry>(entries: readonly Entry[]): readonly string[] {
  return entries.map((entry) => inspect(entry, { sorted: true, depth: 4 })).sort();
}

export function address6(text: string): bigint {
  return parseIpv6(text) ?? assert.fail(text);
}
