/**
 * Whatever stands in etcd: nothing throws, nothing outside of the network or on another device is ever written, and good leases
 * among the bad are all programmed. From the key space through store, view and admission to the operations of a pass.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Operation } from '#agent/kernel/state.ts';
import { type Cidr, cidrEncloses, parseCidr } from '#model/ip.ts';
import { parseNetworkConfig } from '#model/network-config.ts';
import { NETWORK, PREFIX, RECORD, readyFleet, TestFleet, TestHost } from './test-host.ts';

const NET = parseCidr('172.30.0.0/16') ?? assert.fail();
/** Our host gets its subnet from the upper half; good peers are in the lowest quarter, hostile records everywhere. */
const ROOMY = { ...NETWORK, SubnetMin: '172.30.128.0' };
const GOOD = 4;

function goodRecord(number: number): string {
  return RECORD.replace('10.77.0.99', `10.77.9.${number}`).replace('8a:1b', `a2:${10 + number}`);
}

const octet = fc.integer({ min: 0, max: 255 });
const address = fc.oneof(
  fc.tuple(octet, octet, octet, octet).map((parts) => parts.join('.')),
  fc.constantFrom('0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255', '10.77.0.11', '172.30.200.1', '10.77.9.2'),
  fc.constantFrom('999.1.1.1', '1.2.3', '', '::1', '10.77.0.11\nREADY=1'),
);
const mac = fc.oneof(
  fc
    .tuple(octet, octet, octet, octet, octet, octet)
    .map((bytes) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':')),
  fc.constantFrom('00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', 'a2:12:af:8c:b2:78', 'nonsense', ''),
);
const anyJson = fc.jsonValue({ maxDepth: 4 });
const data = fc.oneof(
  fc.record({ VNI: fc.oneof(fc.constant(1), fc.integer(), fc.double(), fc.string()), VtepMAC: mac }),
  fc.constant(JSON.parse('{"__proto__":{"VtepMAC":"a2:99:af:8c:b2:78"},"constructor":1}')),
  anyJson,
);
/** Nothing is wrong with it; where it stands may be. */
const soundRecord = fc.tuple(octet, octet, octet, octet).map(([a, b, c, d]) => {
  const hex = [a, b, c, d].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  return RECORD.replace('10.77.0.99', `10.${a % 70}.${b}.${c}`).replace('8a:1b:af:8c', `8e:${hex.slice(3)}`);
});
const recordText = fc.oneof(
  { weight: 4, arbitrary: soundRecord },
  fc
    .record({
      PublicIP: fc.oneof(address, anyJson),
      PublicIPv6: fc.oneof(address, anyJson),
      BackendType: fc.constantFrom('vxlan', 'VXLAN', 'host-gw', ''),
      BackendData: data,
    })
    .map((record) => JSON.stringify(record)),
  fc
    .record({ PublicIP: address, BackendType: fc.constant('vxlan'), BackendData: data })
    .map((record) => JSON.stringify(record)),
  // A good record with something cut out, doubled or put in.
  fc
    .tuple(fc.nat(RECORD.length), fc.nat(30), fc.string())
    .map(([at, length, text]) => RECORD.slice(0, at) + text + RECORD.slice(at + length)),
  fc.string(),
  fc.json(),
  fc.constantFrom(
    '['.repeat(9000),
    '{"a":'.repeat(3000),
    `{"PublicIP":"${'1'.repeat(20_000)}"}`,
    'null',
    '{"__proto__":null}',
  ),
);
/** Never in the lowest quarter, where the good ones are: of two claims the older one is right. */
const subnetName = fc.oneof(
  fc
    .tuple(fc.integer({ min: 64, max: 255 }), octet, fc.integer({ min: 0, max: 40 }))
    .map(([b, c, length]) => `172.30.${b}.${c}-${length}`),
  fc.integer({ min: 64, max: 255 }).map((b) => `172.30.${b}.0-24`),
  fc.tuple(octet, octet, fc.nat(33)).map(([a, b, length]) => `${a}.${b}.0.0-${length}`),
  fc.constantFrom(
    '0.0.0.0-0',
    '172.30.0.0-16',
    '172.30.0.0-17',
    '10.77.0.0-16',
    '10.77.0.11-32',
    '172.30.1.0-24&fd00::-64',
  ),
  fc.string({ maxLength: 40 }),
);
const event = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('put' as const), name: subnetName, value: recordText }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), name: subnetName }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom('compact' as const, 'cut' as const, 'restore' as const, 'pass' as const),
    }),
  },
);

/** Where an operation acts: its device and every network or address that it routes to. */
function targetsOf(operation: Operation): { readonly device: string | undefined; readonly cidrs: readonly Cidr[] } {
  const fields: Readonly<Record<string, unknown>> = Object.assign(
    {},
    operation,
    ...Object.values(operation).filter((value) => typeof value === 'object'),
  );
  const { device, name, destination } = fields;
  const cidrs = operation.type.startsWith('route') && isCidr(destination) ? [destination] : [];
  return { device: typeof device === 'string' ? device : typeof name === 'string' ? name : undefined, cidrs };
}

function isCidr(value: unknown): value is Cidr {
  return typeof value === 'object' && value !== null && 'address' in value && 'length' in value;
}

test('random and mutated records, in any order of events', { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 25 }), async (events) => {
      const { fleet, hosts } = await readyFleet(1, ROOMY);
      const host = hosts[0] ?? assert.fail();
      for (let number = 0; number < GOOD; number += 1) {
        await fleet.putLease(`172.30.${10 + number}.0-24`, goodRecord(number));
      }
      await fleet.pass(500);
      const backup = fleet.etcd.backup();
      const written: Operation[] = [];
      const apply = host.kernel.apply.bind(host.kernel);
      host.kernel.apply = (operations) => {
        const list = [...operations];
        written.push(...list);
        return apply(list);
      };
      for (const each of events) {
        if (each.type === 'put') fleet.etcd.putRaw(`${PREFIX}/subnets/${each.name}`, each.value);
        else if (each.type === 'delete') fleet.etcd.deleteRaw(`${PREFIX}/subnets/${each.name}`);
        else if (each.type === 'compact') {
          const { revision, compacted } = fleet.etcd.keyspace;
          if (revision > compacted) fleet.etcd.change(() => fleet.etcd.keyspace.compact(revision));
        } else if (each.type === 'restore') fleet.etcd.restore(backup);
        else if (each.type === 'cut') {
          fleet.etcd.stop();
          await fleet.settle();
          fleet.etcd.start();
        } else await fleet.pass(1000);
      }
      await fleet.settle();
      await fleet.pass(10_000);
      const fabric = host.fabric.join('\n');
      for (let number = 0; number < GOOD; number += 1) {
        assert.ok(
          fabric.includes(`route 172.30.${10 + number}.0/24`),
          `good peer ${number} is not programmed:\n${fabric}`,
        );
        assert.ok(fabric.includes(`dst 10.77.9.${number} `), `good peer ${number} is not reached:\n${fabric}`);
      }
      for (const operation of written) {
        const { device, cidrs } = targetsOf(operation);
        assert.equal(device, 'flannel.1', JSON.stringify(operation));
        for (const cidr of cidrs) assert.ok(cidrEncloses(NET, cidr), JSON.stringify(operation));
      }
      for (const line of host.logged) assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029]/u);
      for (const line of host.notified) assert.doesNotMatch(line.replace(/^READY=1\n/, ''), /\n/);
      await host.stop();
    }),
    { numRuns: 300 },
  );
});

test('a host starts among 20,000 hostile keys and values of a megabyte, and good leases are programmed', {
  timeout: 300_000,
}, async () => {
  const fleet = new TestFleet();
  await fleet.configure(ROOMY);
  for (let number = 0; number < GOOD; number += 1)
    await fleet.putLease(`172.30.${10 + number}.0-24`, goodRecord(number));
  for (let index = 0; index < 20_000; index += 1) {
    const name = index % 2 === 0 ? `${index % 250}.${(index >> 8) & 255}.${index & 255}.0-24` : `junk${index}`;
    fleet.etcd.putRaw(`${PREFIX}/subnets/${name}`, goodRecord(50).replace('10.77.9.50', '10.78.0.1'));
  }
  for (let index = 0; index < 5; index += 1)
    fleet.etcd.putRaw(`${PREFIX}/subnets/172.30.${70 + index}.0-24`, 'x'.repeat(1_000_000));
  fleet.etcd.putRaw(`${PREFIX}/subnets/${'y'.repeat(1_000_000)}`, RECORD);
  const host = new TestHost(fleet, 11);
  await host.start();
  await fleet.pass(2000);
  assert.ok(host.ready, host.logged.slice(-5).join('\n'));
  for (let number = 0; number < GOOD; number += 1)
    assert.match(host.fabric.join('\n'), new RegExp(`route 172\\.30\\.${10 + number}\\.0/24`));
  assert.ok(host.logged.length < 200, `${host.logged.length} lines in the log`);
  assert.ok(host.logged.every((line) => line.length < 2000));
  await host.stop();
});

test('whatever the network document is, it is read or refused', () => {
  const text = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .record({
        Network: fc.oneof(address, anyJson),
        SubnetLen: fc.oneof(fc.integer(), fc.double(), anyJson),
        Backend: anyJson,
      })
      .map((document) => JSON.stringify(document)),
    fc.tuple(fc.nat(80), fc.nat(10), fc.string()).map(([at, length, middle]) => {
      const whole = JSON.stringify(NETWORK);
      return whole.slice(0, at) + middle + whole.slice(at + length);
    }),
  );
  fc.assert(
    fc.property(text, (document) => {
      const parsed = parseNetworkConfig(document);
      assert.ok('config' in parsed || parsed.problems.length > 0);
    }),
    { numRuns: 2000 },
  );
});
