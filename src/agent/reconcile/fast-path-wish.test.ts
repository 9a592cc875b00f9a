import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBackend } from '#agent/backends/registry.ts';
import type { Lease } from '#model/lease.ts';
import { parseNetworkConfig } from '#model/network-config.ts';
import { fastPathWish } from './fast-path-wish.ts';

type Known = Parameters<typeof fastPathWish>[0];

function known(document: object, subnet: Lease['subnet'], programmed = true): Known {
  const parsed = parseNetworkConfig(JSON.stringify(document));
  assert('config' in parsed);
  const { config } = parsed;
  const opened = openBackend(config);
  assert('backend' in opened);
  const own: Lease = {
    subnet,
    attributes: { publicIp: 0, publicIpv6: null, backendType: config.backend.type },
    reservation: false,
    created: 1,
    modified: 1,
  };
  return { network: { config, backend: opened.backend }, own, programmed };
}

const IPV4 = { address: 0x0a05_0100, length: 24 };
const VXLAN = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };

test('with a lease and routes in place the network, the own subnet and the device are wanted', () => {
  assert.deepEqual(fastPathWish(known(VXLAN, { ipv4: IPV4 })), {
    network: { address: 0x0a05_0000, length: 16 },
    subnet: IPV4,
    device: 'flannel.1',
  });
});

test('before that nothing is', () => {
  assert.equal(fastPathWish(known(VXLAN, { ipv4: IPV4 }, false)), undefined);
  assert.equal(fastPathWish({ ...known(VXLAN, { ipv4: IPV4 }), own: undefined }), undefined);
  assert.equal(fastPathWish({ ...known(VXLAN, { ipv4: IPV4 }), network: undefined }), undefined);
});

test('another backend, and a network without IPv4, are refused by name', () => {
  const hostGw = fastPathWish(known({ Network: '10.5.0.0/16', Backend: { Type: 'host-gw' } }, { ipv4: IPV4 }));
  assert.deepEqual(hostGw, { refused: "it is for the backend vxlan, and this network's is host-gw" });
  const ipv6 = { EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00:5::/48', Backend: { Type: 'vxlan' } };
  assert.deepEqual(fastPathWish(known(ipv6, { ipv6: { address: 0xfd00_0005n << 96n, length: 64 } })), {
    refused: 'it is for IPv4, which this network does not have',
  });
});
