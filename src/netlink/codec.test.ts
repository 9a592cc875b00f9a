import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ipv4, parseIpv4 } from '#model/ipv4.ts';
import { type Ipv6, parseIpv6 } from '#model/ipv6.ts';
import { decodeAddress, encodeAddressAdd, encodeAddressDelete } from './address.ts';
import { decodeFdbEntry, encodeFdbDelete, encodeFdbReplace } from './fdb.ts';
import { decodeLink, encodeIpipAdd, encodeLinkDelete, encodeLinkSet, encodeVxlanAdd, type NewVxlan } from './link.ts';
import { decodeNeighbor, encodeNeighborDelete, encodeNeighborReplace } from './neighbor.ts';
import { decodeNexthop, encodeNexthopDelete, encodeNexthopReplace } from './nexthop.ts';
import { MessageReader } from './reader.ts';
import { RECORDED_ANSWERS, RECORDED_MORE, RECORDED_REQUESTS, unnumbered } from './recorded-traffic.ts';
import { decodeRoute, encodeRouteAdd, encodeRouteDelete, encodeRouteReplace } from './route.ts';
import { MessageWriter } from './writer.ts';

const MAC = '8a:1b:af:8c:b2:78';
const FLANNEL_1 = 4;
const VXLAN: NewVxlan = {
  name: 'flannel.1',
  vni: 1,
  mtu: 1450,
  mac: '7e:74:c7:9e:78:6a',
  local: ip('10.9.0.1'),
  port: 8472,
  learning: false,
  gbp: false,
};
const NEIGHBOR = { address: ip('172.30.24.0'), mac: MAC };
const FDB = { mac: MAC, destination: ip('10.77.0.12') };
const ADDRESS = { address: ip('172.30.71.0'), length: 32 };
const ONLINK = {
  destination: { address: ip('172.30.24.0'), length: 24 },
  gateway: ip('172.30.24.0'),
  onlink: true,
};
const BY_NEXTHOP = { destination: { address: ip('172.30.25.0'), length: 24 }, gateway: ip('172.30.25.0'), nexthop: 77 };
const NEXTHOP = { id: 77, gateway: ip('172.30.25.0') };

function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  assert.ok(address !== undefined);
  return address;
}

function ip6(text: string): Ipv6 {
  const address = parseIpv6(text);
  assert.ok(address !== undefined);
  return address;
}

function encoded(encode: (writer: MessageWriter) => void): Buffer {
  const writer = new MessageWriter();
  // Padding must not show what the buffer held before.
  writer.bytes.fill(0xee);
  encode(writer);
  assert.equal(writer.count, 1);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}

function decoded<Item>(bytes: Buffer, decode: (message: MessageReader) => Item | undefined): Item[] {
  const message = new MessageReader(bytes);
  const items: Item[] = [];
  while (message.next()) {
    const item = decode(message);
    if (item !== undefined) items.push(item);
  }
  return items;
}

function answer(name: keyof typeof RECORDED_ANSWERS): Buffer {
  return Buffer.from(RECORDED_ANSWERS[name], 'hex');
}

const REQUESTS: Record<keyof typeof RECORDED_REQUESTS, (writer: MessageWriter) => void> = {
  vxlanAdd: (writer) => encodeVxlanAdd(writer, 3, VXLAN),
  addressAdd: (writer) => encodeAddressAdd(writer, FLANNEL_1, ADDRESS),
  addressDelete: (writer) => encodeAddressDelete(writer, FLANNEL_1, ADDRESS),
  neighborReplace: (writer) => encodeNeighborReplace(writer, FLANNEL_1, NEIGHBOR),
  neighborDelete: (writer) => encodeNeighborDelete(writer, FLANNEL_1, NEIGHBOR),
  fdbReplace: (writer) => encodeFdbReplace(writer, FLANNEL_1, FDB),
  fdbDelete: (writer) => encodeFdbDelete(writer, FLANNEL_1, FDB),
  routeReplaceOnlink: (writer) => encodeRouteReplace(writer, FLANNEL_1, ONLINK),
  routeReplaceNexthop: (writer) => encodeRouteReplace(writer, FLANNEL_1, BY_NEXTHOP),
  routeDeleteOnlink: (writer) => encodeRouteDelete(writer, FLANNEL_1, ONLINK),
  routeDeleteNexthop: (writer) => encodeRouteDelete(writer, FLANNEL_1, BY_NEXTHOP),
  nexthopReplace: (writer) => encodeNexthopReplace(writer, FLANNEL_1, NEXTHOP),
  nexthopDelete: (writer) => encodeNexthopDelete(writer, 77),
};

const ROUTE_6 = {
  destination: { address: ip6('fd10:0:0:2::'), length: 64 },
  gateway: ip6('fd10:0:0:2::'),
  onlink: true,
};
const NETWORK = { destination: { address: ip('172.30.0.0'), length: 16 } };
const BLACKHOLE = { destination: { address: ip('172.30.5.0'), length: 24 }, blackhole: true };

const MORE_REQUESTS: Record<keyof typeof RECORDED_MORE, (writer: MessageWriter) => void> = {
  vxlanAdd: (writer) =>
    encodeVxlanAdd(writer, 3, { ...VXLAN, name: 'flannel-v6.1', mtu: 1430, local: ip6('fd00:77::11') }),
  addressAdd: (writer) => encodeAddressAdd(writer, FLANNEL_1, { address: ip6('fd10:0:0:1::'), length: 128 }),
  neighborReplace: (writer) => encodeNeighborReplace(writer, FLANNEL_1, { address: ip6('fd10:0:0:2::'), mac: MAC }),
  fdbReplace: (writer) => encodeFdbReplace(writer, FLANNEL_1, { mac: MAC, destination: ip6('fd00:77::12') }),
  routeReplace: (writer) => encodeRouteReplace(writer, FLANNEL_1, ROUTE_6),
  routeDelete: (writer) => encodeRouteDelete(writer, FLANNEL_1, ROUTE_6),
  networkRouteReplace: (writer) => encodeRouteReplace(writer, 3, NETWORK),
  blackholeAdd: (writer) => encodeRouteAdd(writer, 0, BLACKHOLE),
  blackholeDelete: (writer) => encodeRouteDelete(writer, 0, BLACKHOLE),
};

for (const [name, hex] of Object.entries(RECORDED_REQUESTS)) {
  test(`${name} is written byte for byte as iproute2 writes it`, () => {
    const encode = Object.entries(REQUESTS).find(([other]) => other === name)?.[1];
    assert.ok(encode);
    assert.equal(unnumbered(encoded(encode).toString('hex')), unnumbered(hex));
  });
}

test('a VXLAN device with learning, GBP and the default port has the attributes that say so', () => {
  const bytes = encoded((writer) => encodeVxlanAdd(writer, 3, { ...VXLAN, learning: true, gbp: true, port: 0 }));
  const [link] = decoded(bytes, decodeLink);
  assert.deepEqual(link?.vxlan, { vni: 1, local: VXLAN.local, underlayIndex: 3, port: 0, learning: true, gbp: true });
});

test('setting a link changes only what is given', () => {
  const up = encoded((writer) => encodeLinkSet(writer, { name: 'flannel.1', up: true }));
  const bytes = encoded((writer) => encodeLinkSet(writer, { name: 'flannel.1', mtu: 1400 }));
  assert.equal(up.readUInt32LE(28), 1, 'IFF_UP is in ifi_change');
  assert.equal(bytes.readUInt32LE(28), 0, 'ifi_change is empty');
  const [link] = decoded(bytes, decodeLink);
  assert.deepEqual(link, { index: 0, name: 'flannel.1', mtu: 1400, mac: '', up: false, kind: '' });
});

test('deleting a link names it', () => {
  const bytes = encoded((writer) => encodeLinkDelete(writer, 'flannel.1'));
  assert.equal(bytes.subarray(32).toString('latin1'), '\x0e\0\x03\0flannel.1\0\0\0');
});

test("the kernel's answer about a VXLAN device is read", () => {
  assert.deepEqual(decoded(answer('link'), decodeLink), [
    {
      index: 4,
      name: 'flannel.1',
      mtu: 1450,
      mac: '7e:74:c7:9e:78:6a',
      up: true,
      kind: 'vxlan',
      vxlan: { vni: 1, local: VXLAN.local, underlayIndex: 3, port: 8472, learning: false, gbp: false },
    },
  ]);
});

test("the kernel's list of addresses is read", () => {
  const common = { scope: 0, permanent: true, deprecated: false, temporary: false };
  assert.deepEqual(decoded(answer('addresses'), decodeAddress), [
    { linkIndex: 3, address: ip('10.9.0.1'), length: 24, ...common },
    { linkIndex: 4, ...ADDRESS, ...common },
  ]);
});

test("the kernel's list of routes is read, with onlink routes and such by nexthop object", () => {
  const common = { type: 1, priority: 0 };
  const ours = { linkIndex: 4, onlink: true, source: undefined, protocol: 3, scope: 0, ...common };
  assert.deepEqual(decoded(answer('routes'), decodeRoute), [
    {
      destination: { address: ip('10.9.0.0'), length: 24 },
      linkIndex: 3,
      gateway: undefined,
      nexthop: undefined,
      onlink: false,
      source: ip('10.9.0.1'),
      protocol: 2,
      scope: 253,
      ...common,
    },
    { ...ONLINK, nexthop: undefined, ...ours },
    { ...BY_NEXTHOP, ...ours },
  ]);
});

test("the kernel's lists of neighbours, FDB entries and nexthops are read", () => {
  assert.deepEqual(decoded(answer('neighbors'), decodeNeighbor), [{ linkIndex: 4, ...NEIGHBOR, permanent: true }]);
  assert.deepEqual(decoded(answer('fdb'), decodeFdbEntry), [{ linkIndex: 4, ...FDB, permanent: true }]);
  assert.deepEqual(decoded(answer('nexthops'), decodeNexthop), [
    { linkIndex: 4, ...NEXTHOP, onlink: true, protocol: 3 },
  ]);
});

test('an FDB entry that points to an IPv6 host is written and read', () => {
  const entry = { mac: MAC, destination: ip6('fd00:77::12') };
  const bytes = encoded((writer) => encodeFdbReplace(writer, FLANNEL_1, entry));
  assert.equal(bytes.subarray(-20).toString('hex'), '14000100fd000077000000000000000000000012');
  assert.deepEqual(decoded(bytes, decodeFdbEntry), [{ linkIndex: 4, ...entry, permanent: true }]);
});

for (const [name, command] of Object.entries(RECORDED_MORE)) {
  test(`${name} of the second record is written byte for byte as iproute2 writes it`, () => {
    const encode = Object.entries(MORE_REQUESTS).find(([other]) => other === name)?.[1];
    assert.ok(encode);
    assert.equal(unnumbered(encoded(encode).toString('hex')), unnumbered(command));
  });
}

test('what is written for IPv6 is read back', () => {
  const read = <Item>(encode: (writer: MessageWriter) => void, decode: (message: MessageReader) => Item | undefined) =>
    decoded(encoded(encode), decode)[0];
  assert.equal(read(MORE_REQUESTS.vxlanAdd, decodeLink)?.vxlan?.local, ip6('fd00:77::11'));
  assert.partialDeepStrictEqual(read(MORE_REQUESTS.addressAdd, decodeAddress), {
    address: ip6('fd10:0:0:1::'),
    length: 128,
  });
  assert.partialDeepStrictEqual(read(MORE_REQUESTS.neighborReplace, decodeNeighbor), { address: ip6('fd10:0:0:2::') });
  assert.partialDeepStrictEqual(read(MORE_REQUESTS.routeReplace, decodeRoute), ROUTE_6);
  assert.partialDeepStrictEqual(read(MORE_REQUESTS.blackholeAdd, decodeRoute), { type: 6, linkIndex: 0 });
});

test('an IPIP device is written and read with its addresses', () => {
  const local = ip('10.9.0.1');
  const bytes = encoded((writer) => encodeIpipAdd(writer, { name: 'flannel.ipip', mtu: 1480, local }));
  assert.deepEqual(decoded(bytes, decodeLink)[0], {
    index: 0,
    name: 'flannel.ipip',
    mtu: 1480,
    mac: '',
    up: false,
    kind: 'ipip',
    ipip: { local, remote: 0 },
  });
});

test('what is not the device’s own or of another type is passed over', () => {
  const other = encoded((writer) => encodeNeighborReplace(writer, FLANNEL_1, NEIGHBOR));
  assert.deepEqual(decoded(other, decodeFdbEntry), []);
  assert.deepEqual(decoded(other, decodeRoute), []);
  assert.deepEqual(decoded(other, decodeLink), []);
  assert.deepEqual(decoded(other, decodeAddress), []);
  assert.deepEqual(decoded(other, decodeNexthop), []);
  const fdb = encoded((writer) => encodeFdbReplace(writer, FLANNEL_1, FDB));
  assert.deepEqual(decoded(fdb, decodeNeighbor), []);
  fdb.writeUInt8(4, 16 + 10);
  assert.deepEqual(decoded(fdb, decodeFdbEntry), [], 'an entry of the bridge above (NTF_MASTER)');
});
