/** The behaviours of a Kernel that concern IPv6 and dual stack. */
import assert from 'node:assert/strict';
import {
  address6,
  type Behaviour,
  cidr,
  converge,
  DEVICE,
  desiredWithPeers,
  OWN,
  sorted,
  vxlanDevice,
} from './kernel-under-test.ts';
import type { Ownership } from './ownership.ts';
import type { DesiredState } from './state.ts';

const DEVICE_6 = 'flannel-v6.1';

const OWN_DUAL: Ownership = {
  ...OWN,
  devices: [DEVICE, DEVICE_6],
  networks: [...OWN.networks, { network: cidr('fd10::/48'), subnetLength: 64 }],
};

const OWN_6: Ownership = { ...OWN_DUAL, devices: [DEVICE_6], networks: OWN_DUAL.networks.slice(1) };

/** Peers fd10:0:0:1::/64, fd10:0:0:2::/64, … behind fd00:77::101, … */
function desired6(peers: number): DesiredState {
  const list = Array.from({ length: peers }, (_, index) => ({
    subnet: { address: address6('fd10::') + (BigInt(index + 1) << 64n), length: 64 },
    // The same MACs as in IPv4: each device has an FDB of its own.
    mac: `02:11:00:00:${byte(index >> 8)}:${byte(index & 255)}`,
    host: address6('fd00:77::100') + BigInt(index + 1),
  }));
  const device = DEVICE_6;
  return {
    devices: [vxlanDevice({ name: device, mtu: 1430, mac: '02:00:00:00:00:06', local: address6('fd00:77::1') })],
    addresses: [{ device, address: address6('fd10::'), length: 128 }],
    neighbors: list.map(({ subnet, mac }) => ({ device, address: subnet.address, mac })),
    fdb: list.map(({ mac, host }) => ({ device, mac, destination: host })),
    routes: list.map(({ subnet }) => ({ type: 'onlink', device, destination: subnet, gateway: subnet.address })),
  };
}

function desiredDual(peers: number): DesiredState {
  const [four, six] = [desiredWithPeers(peers), desired6(peers)];
  return {
    devices: [...four.devices, ...six.devices],
    addresses: [...four.addresses, ...six.addresses],
    neighbors: [...four.neighbors, ...six.neighbors],
    fdb: [...four.fdb, ...six.fdb],
    routes: [...four.routes, ...six.routes],
  };
}

export const FAMILY_BEHAVIOURS: readonly Behaviour[] = [
  [
    'IPv6 alone converges to device, address and peers, and then nothing differs',
    ({ kernel }) => {
      const desired = desired6(3);
      converge(kernel, desired, OWN_6);
      const observed = kernel.observe(OWN_6);
      assert.deepEqual(sorted(observed.routes), sorted(desired.routes));
      assert.deepEqual(sorted(observed.neighbors), sorted(desired.neighbors));
      assert.deepEqual(sorted(observed.fdb), sorted(desired.fdb));
      assert.deepEqual(observed.ownAddresses, desired.addresses);
      const device = observed.links.find((link) => link.name === DEVICE_6);
      assert.equal(device?.vxlan?.local, address6('fd00:77::1'));
    },
  ],
  [
    'the devices of both families stand side by side with one VNI, and peers are removed in both',
    ({ kernel }) => {
      converge(kernel, desiredDual(4), OWN_DUAL);
      const fewer = desiredDual(2);
      converge(kernel, fewer, OWN_DUAL);
      const observed = kernel.observe(OWN_DUAL);
      assert.deepEqual(sorted(observed.routes), sorted(fewer.routes));
      assert.deepEqual(sorted(observed.fdb), sorted(fewer.fdb));
      assert.deepEqual(sorted(observed.ownAddresses), sorted(fewer.addresses));
    },
  ],
  [
    'what stands there of a family that the network lacks is not looked at',
    ({ kernel }) => {
      converge(kernel, desiredDual(2), OWN_DUAL);
      assert.equal(kernel.observe(OWN).routes.length, 2);
      assert.equal(kernel.observe(OWN_6).routes.length, 2);
    },
  ],
  [
    'an IPv6 device that went down is raised, and its address and peers are written again',
    ({ kernel, disturb }) => {
      const desired = desired6(2);
      converge(kernel, desired, OWN_6);
      disturb([{ type: 'device-set', name: DEVICE_6, up: false }]);
      assert.deepEqual(kernel.observe(OWN_6).routes, []);
      converge(kernel, desired, OWN_6);
      const observed = kernel.observe(OWN_6);
      assert.deepEqual([observed.routes.length, observed.ownAddresses.length], [2, 1]);
    },
  ],
  [
    'a large IPv6 fleet has plain routes: they cost the kernel nothing extra',
    ({ kernel }) => {
      converge(kernel, desired6(600), OWN_6);
      const observed = kernel.observe(OWN_6);
      assert.deepEqual(observed.nexthops, []);
      assert.equal(observed.routes.length, 600);
    },
  ],
];

function byte(value: number): string {
  return value.toString(16).padStart(2, '0');
}
