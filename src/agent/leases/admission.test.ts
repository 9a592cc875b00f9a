import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipv4CidrContains, ipv4CidrsOverlap } from '#model/cidr.ts';
import type { Lease } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { type Admission, type AdmissionRequest, admitLeases } from './admission.ts';
import { attributesOf, ipOf, leaseOf, networkOf, seededRandom, subnetOf } from './lease-builders.ts';

const NETWORK = networkOf({ Network: '10.5.0.0/16' });

function admit(leases: readonly Lease[], more: Partial<AdmissionRequest> = {}): Admission {
  return admitLeases({
    leases,
    network: NETWORK,
    own: subnetOf('10.5.9.0-24'),
    ownPublicIp: ipOf('10.77.0.9'),
    hostAddresses: [ipOf('10.77.0.9'), ipOf('10.5.200.7')],
    backendType: 'vxlan',
    ...more,
  });
}

function admitted(leases: readonly Lease[]): readonly string[] {
  return admit(leases).admitted.map((lease) => formatSubnetKey(lease.subnet));
}

const GOOD = leaseOf('10.5.1.0-24', '10.77.0.1', { created: 100 });

test('honest leases are admitted, of other lengths too', () => {
  const leases = [GOOD, leaseOf('10.5.2.0-25', '10.77.0.2'), leaseOf('10.5.128.0-20', '10.77.0.3')];
  assert.deepEqual(admit(leases).refused, []);
  assert.equal(admit(leases).admitted.length, 3);
});

const BAD: readonly (readonly [subnet: string, publicIp: string, reason: RegExp])[] = [
  ['10.6.1.0-24', '10.77.0.2', /^the subnet is outside the Network 10\.5\.0\.0\/16$/],
  ['10.0.0.0-8', '10.77.0.2', /outside the Network/],
  ['0.0.0.0-0', '10.77.0.2', /outside the Network/],
  ['10.4.0.0-15', '10.77.0.2', /outside the Network/],
  ['10.5.2.7-24', '10.77.0.2', /^the subnet 10\.5\.2\.7\/24 has host bits set$/],
  ['10.5.9.0-24', '10.77.0.2', /^the subnet overlaps our own 10\.5\.9\.0\/24$/],
  ['10.5.9.128-25', '10.77.0.2', /overlaps our own/],
  ['10.5.8.0-21', '10.77.0.2', /overlaps our own/],
  ['10.5.0.0-16', '10.77.0.2', /overlaps our own/],
  ['10.5.200.0-24', '10.77.0.2', /^the subnet contains our own address 10\.5\.200\.7$/],
  ['10.5.3.0-24', '10.5.3.1', /^the subnet contains its own PublicIP 10\.5\.3\.1$/],
  ['10.5.2.0-24', '0.0.0.0', /PublicIP 0\.0\.0\.0 is missing/],
  ['10.5.2.0-24', '0.1.2.3', /PublicIP 0\.1\.2\.3 is missing or no host address/],
  ['10.5.2.0-24', '127.0.0.1', /is a loopback address/],
  ['10.5.2.0-24', '239.1.2.3', /is a multicast address/],
  ['10.5.2.0-24', '255.255.255.255', /is the broadcast address/],
  ['10.5.2.0-24', '10.77.0.9', /^its PublicIP 10\.77\.0\.9 is ours: a cloned host/],
];
for (const [subnet, publicIp, reason] of BAD) {
  test(`${subnet} of ${publicIp} is refused and costs nobody else anything`, () => {
    // The bad one has the older claim, and still it harms nobody.
    const bad = leaseOf(subnet, publicIp, { created: 1 });
    const { admitted: good, refused } = admit([bad, GOOD]);
    assert.deepEqual(good, [GOOD]);
    assert.equal(refused.length, 1);
    assert.match(refused[0]?.reason ?? '', reason);
    assert.equal(refused[0]?.severity, 'warning');
  });
}

test('our PublicIP inside a subnet refuses it, whatever the interfaces say', () => {
  const { refused } = admit([leaseOf('10.5.4.0-24', '10.77.0.2')], {
    ownPublicIp: ipOf('10.5.4.9'),
    hostAddresses: [],
  });
  assert.match(refused[0]?.reason ?? '', /contains our PublicIP 10\.5\.4\.9/);
});

test('of leases that overlap the older claim stays', () => {
  const older = leaseOf('10.5.4.0-24', '10.77.0.2', { created: 5 });
  const younger = leaseOf('10.5.4.0-22', '10.77.0.3', { created: 6 });
  const { admitted: good, refused } = admit([younger, older]);
  assert.deepEqual(good, [older]);
  assert.equal(refused[0]?.reason, 'the subnet overlaps the older lease 10.5.4.0/24 of 10.77.0.2');
  assert.deepEqual(admitted([{ ...younger, created: 4 }, older]), ['10.5.4.0-22']);
  assert.deepEqual(admitted([leaseOf('10.5.4.0-24&fd00::-64', '10.77.0.4', { created: 7 }), older]), ['10.5.4.0-24']);
});

test('a refused lease does not stand in the way of younger ones', () => {
  const first = leaseOf('10.5.4.0-24', '10.77.0.2', { created: 1 });
  const broad = leaseOf('10.5.4.0-22', '10.77.0.3', { created: 2 });
  const third = leaseOf('10.5.5.0-24', '10.77.0.4', { created: 3 });
  assert.deepEqual(admitted([first, broad, third]), ['10.5.4.0-24', '10.5.5.0-24']);
});

test('where a PublicIP lies in a subnet of somebody else, the older claim stays', () => {
  const holder = leaseOf('10.5.4.0-24', '10.77.0.2', { created: 1 });
  const inside = leaseOf('10.5.6.0-24', '10.5.4.77', { created: 2 });
  const late = admit([holder, inside]);
  assert.deepEqual(late.admitted, [holder]);
  assert.match(
    late.refused[0]?.reason ?? '',
    /its PublicIP 10\.5\.4\.77 is inside the subnet of the older lease 10\.5\.4\.0\/24/,
  );
  const early = admit([{ ...holder, created: 3 }, inside]);
  assert.deepEqual(early.admitted, [inside]);
  assert.match(early.refused[0]?.reason ?? '', /contains the PublicIP of the older lease 10\.5\.6\.0\/24/);
});

test('a lease of another backend type is passed over for information, and claims nothing', () => {
  const other = {
    ...leaseOf('10.5.4.0-23', '10.77.0.2'),
    attributes: { ...attributesOf('10.77.0.2'), backendType: 'host\u001b-gw' },
  };
  const { admitted: good, refused } = admit([other, leaseOf('10.5.4.0-24', '10.77.0.3', { created: 9 })]);
  assert.equal(good.length, 1);
  assert.equal(refused[0]?.severity, 'info');
  assert.equal(refused[0]?.reason, 'its backend type is "host?-gw", ours is "vxlan"');
  assert.equal(admit([leaseOf('10.5.1.0-24', '10.77.0.1')], { backendType: 'VXLAN' }).admitted.length, 1);
});

test('whatever the leases, those admitted neither overlap nor contain a PublicIP of one another', () => {
  const random = seededRandom(11);
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let run = 0; run < 300; run++) {
    const leases = Array.from({ length: 12 }, (_, index) => {
      const length = 18 + below(9);
      const size = 2 ** (32 - length);
      const address = Math.floor((ipOf('10.5.0.0') + below(65_536)) / size) * size;
      const publicIp = random() < 0.5 ? `10.5.${below(256)}.${below(256)}` : `10.77.1.${below(250)}`;
      return {
        ...leaseOf('10.5.1.0-24', publicIp, { created: below(50) }),
        subnet: { ipv4: { address, length } },
        modified: index,
      };
    });
    const { admitted: good, refused } = admit(leases);
    assert.equal(good.length + refused.length, leases.length);
    for (const a of good) {
      for (const b of good) {
        assert.ok(a === b || !ipv4CidrsOverlap(a.subnet.ipv4, b.subnet.ipv4));
        assert.ok(!ipv4CidrContains(a.subnet.ipv4, b.attributes.publicIp));
      }
    }
  }
});

test('10,000 leases are judged in no time, with 4,096 of them inside a hostile one too', () => {
  const network = networkOf({ Network: '10.0.0.0/8', SubnetLen: 24 });
  const leases = Array.from({ length: 10_000 }, (_, index) => ({
    ...leaseOf('10.5.1.0-24', '172.16.0.1', { created: 10 + index }),
    subnet: { ipv4: { address: ipOf('10.16.0.0') + index * 256, length: 24 } },
  }));
  const hostile = leaseOf('10.16.0.0-12', '172.16.0.2', { created: 20_000 });
  const request = { network, own: subnetOf('10.1.1.0-24'), hostAddresses: [ipOf('172.16.0.9')] };
  admit(leases, request);
  const started = performance.now();
  const { admitted: good, refused } = admit([...leases, hostile], request);
  const took = performance.now() - started;
  assert.equal(good.length, 10_000);
  assert.equal(refused.length, 1);
  assert.ok(took < 2000, `${took} ms`);
});
