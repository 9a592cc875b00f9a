import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cidr, cidrContains, cidrsOverlap } from '#model/ip.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import type { Lease } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { type Admission, type AdmissionRequest, admitLeases } from './admission.ts';
import { attributesOf, dualAttributesOf, ipOf, leaseOf, networkOf, seededRandom } from './lease-builders.ts';

const NETWORK = networkOf({ Network: '10.5.0.0/16' });

function admit(leases: readonly Lease[], more: Partial<AdmissionRequest> = {}): Admission {
  return admitLeases({
    leases,
    network: NETWORK,
    own: leaseOf('10.5.9.0-24', '10.77.0.9'),
    hostAddresses: [ipOf('10.77.0.9'), ipOf('10.5.200.7')],
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
  ['10.5.2.0-24', '10.5.9.7', /^its PublicIP 10\.5\.9\.7 is inside our own subnet 10\.5\.9\.0\/24$/],
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
    own: leaseOf('10.5.9.0-24', '10.5.4.9'),
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
  const same = leaseOf('10.5.4.0-24&fd01::-64', '10.77.0.5', { created: 4 });
  assert.deepEqual(admitted([older, same]), ['10.5.4.0-24']);
  assert.deepEqual(admit([older, same]).admitted[0]?.attributes, same.attributes);
  assert.deepEqual(admitted([leaseOf('10.5.4.0-24&fd00::-64', '10.77.0.4', { created: 7 }), older]), ['10.5.4.0-24']);
});

test('a subnet of another length than the network hands out yields to every other, however old it is', () => {
  const good = leaseOf('10.5.4.0-24', '10.77.0.2', { created: 500 });
  const wide = leaseOf('10.5.0.0-21', '10.77.0.3', { created: 1 });
  const { admitted: taken, refused } = admit([wide, good]);
  assert.deepEqual(taken, [good]);
  assert.equal(refused[0]?.reason, 'the subnet overlaps the lease 10.5.4.0/24 of 10.77.0.2');
  assert.deepEqual(admitted([wide]), ['10.5.0.0-21']);
});

test('of two leases with one PublicIP the older claim stays, and the other is reported', () => {
  const older = leaseOf('10.5.4.0-24', '10.77.0.2', { created: 5 });
  const attributes = attributesOf('10.77.0.2', '8a:00:00:00:00:02');
  const younger = leaseOf('10.5.6.0-24', '10.77.0.2', { created: 6, attributes });
  const { admitted: good, refused } = admit([younger, older]);
  assert.deepEqual(good, [older]);
  const reason = 'its PublicIP 10.77.0.2 is that of the older lease 10.5.4.0/24 of 10.77.0.2: was a machine cloned?';
  assert.deepEqual(
    refused.map((each) => [each.lease, each.reason, each.severity]),
    [[younger, reason, 'warning']],
  );
  const unusable = leaseOf('10.9.0.0-24', '10.77.0.2', { created: 1 });
  assert.deepEqual(admit([unusable, younger]).admitted, [younger], 'a lease that is refused has no name to defend');
});

test('two leases with one PublicIP and one MAC are one host: a backup brought the older one back, and both subnets are reached', () => {
  const older = leaseOf('10.5.4.0-24', '10.77.0.2', { created: 5 });
  const younger = leaseOf('10.5.6.0-24', '10.77.0.2', { created: 6 });
  const { admitted: good, refused } = admit([younger, older]);
  assert.deepEqual(good, [younger, older]);
  assert.deepEqual(refused, []);
});

/** A departed lease as it is programmed: its claim is younger than any. */
function asGone(lease: Lease): Lease {
  return { ...lease, created: 2 ** 52 + lease.created };
}

test('two reservations with one PublicIP are both used: a node of Kubernetes that was registered anew is one', () => {
  const given = ['10.5.4.0-24', '10.5.6.0-24'].map((subnet, created) =>
    leaseOf(subnet, '10.77.0.2', { created, reservation: true }),
  );
  assert.deepEqual(admit(given).admitted, given);
  const [gone, stays] = given;
  assert.ok(gone !== undefined && stays !== undefined);
  assert.deepEqual(admit([stays], { departed: [gone] }).admitted, [stays]);
});

test('a departed peer stays while nobody else claims what is theirs', () => {
  const departed = leaseOf('10.5.4.0-24', '10.77.0.2', { created: 5 });
  const { admitted: good, refused, superseded } = admit([GOOD], { departed: [departed] });
  assert.deepEqual([good, refused, superseded], [[GOOD, asGone(departed)], [], []]);
});

for (const [what, claim] of [
  ['its subnet', leaseOf('10.5.4.0-24&fd01::-64', '10.77.0.7', { created: 900 })],
  ['its PublicIP: the host has moved', leaseOf('10.5.7.0-24', '10.77.0.2', { created: 900 })],
] as const) {
  test(`a departed peer yields to a lease with ${what}, however young`, () => {
    const departed = leaseOf('10.5.4.0-24', '10.77.0.2', { created: 5 });
    const { admitted: good, refused, superseded } = admit([claim], { departed: [departed] });
    assert.deepEqual(
      [good.length, good[0]?.attributes, refused, superseded],
      [1, claim.attributes, [], [asGone(departed)]],
    );
  });
}

test('a record that is refused itself ends no departed peer', () => {
  const departed = leaseOf('10.5.4.0-24', '10.77.0.2', { created: 5 });
  const hostile = [leaseOf('10.5.4.0-24&fd01::-64', '127.0.0.1'), leaseOf('10.5.0.0-16', '10.77.0.3')];
  const wide = leaseOf('10.5.4.0-22', '10.77.0.5');
  const { admitted: good, superseded } = admit([...hostile, wide], { departed: [departed] });
  assert.deepEqual([good, superseded], [[asGone(departed)], []]);
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
  const own = leaseOf('10.5.9.0-24', '10.77.0.9');
  const shouting = { ...own, attributes: { ...own.attributes, backendType: 'VXLAN' } };
  assert.equal(admit([leaseOf('10.5.1.0-24', '10.77.0.1')], { own: shouting }).admitted.length, 1);
});

const DUAL = networkOf({ Network: '10.5.0.0/16', EnableIPv6: true, IPv6Network: 'fd10::/48' });

function dualLease(subnet: string, number: number): Lease {
  return leaseOf(subnet, '0.0.0.0', {
    created: number,
    attributes: dualAttributesOf(`10.77.0.${number}`, `fd00:77::${number}`),
  });
}

const DUAL_OWN = { network: DUAL, own: dualLease('10.5.9.0-24&fd10:0:0:9::-64', 9) };

function dualAdmitted(leases: readonly Lease[]): { readonly names: readonly string[]; readonly reasons: string } {
  const { admitted: good, refused } = admit(leases, DUAL_OWN);
  return {
    names: good.map((lease) => formatSubnetKey(lease.subnet)),
    reasons: refused.map(({ reason }) => reason).join('\n'),
  };
}

test('in a dual-stack network both families of a lease are admitted, and one of a host that has no other', () => {
  const both = dualLease('10.5.1.0-24&fd10:0:0:1::-64', 1);
  assert.deepEqual(admit([both], DUAL_OWN), { admitted: [both], refused: [], superseded: [] });
  const ipv4 = leaseOf('10.5.2.0-24', '10.77.0.2');
  assert.deepEqual(admit([ipv4], DUAL_OWN), { admitted: [ipv4], refused: [], superseded: [] });
});

for (const [subnet, more, reason] of [
  ['10.5.1.0-24&fd11:0:0:1::-64', {}, /^the IPv6 subnet is outside the IPv6Network fd10::\/48$/],
  ['10.5.1.0-24&fd10:0:0:1::1-64', {}, /^the IPv6 subnet fd10:0:0:1::1\/64 has host bits set$/],
  ['10.5.1.0-24&fd10:0:0:8::-61', {}, /^the IPv6 subnet overlaps our own fd10:0:0:9::\/64$/],
  ['10.5.1.0-24&fd10:0:0:1::-64', { publicIpv6: null }, /^its PublicIPv6 :: is missing$/],
  ['10.5.1.0-24&fd10:0:0:1::-64', { publicIpv6: 1n }, /is the loopback address/],
  ['10.5.1.0-24&fd10:0:0:1::-64', { publicIpv6: (0xfe80n << 112n) + 5n }, /is a link-local address/],
  ['10.5.1.0-24&fd10:0:0:1::-64', { publicIpv6: (0xff02n << 112n) + 1n }, /is a multicast address/],
  ['10.5.1.0-24&fd10:0:0:1::-64', { publicIpv6: (0xffffn << 32n) + 1n }, /is an IPv4 address/],
] as const) {
  test(`what is wrong with IPv6 in ${subnet} ${Object.keys(more)} costs its IPv4 nothing: ${reason}`, () => {
    const good = dualLease(subnet, 1);
    const { names, reasons } = dualAdmitted([{ ...good, attributes: { ...good.attributes, ...more } }]);
    assert.deepEqual(names, ['10.5.1.0-24']);
    assert.match(reasons, reason);
  });
}

test('two leases with one IPv6 subnet and different IPv4 ones: the older has both, the younger its IPv4', () => {
  const older = dualLease('10.5.1.0-24&fd10:0:0:1::-64', 1);
  const younger = dualLease('10.5.2.0-24&fd10:0:0:1::-64', 2);
  const { names, reasons } = dualAdmitted([younger, older]);
  assert.deepEqual(names, ['10.5.2.0-24', '10.5.1.0-24&fd10:0:0:1::-64']);
  assert.equal(reasons, 'the IPv6 subnet overlaps the older lease fd10:0:0:1::/64 of fd00:77::1');
});

test('what the network does not have is not programmed: the IPv6 part of a lease in a network of IPv4', () => {
  const both = dualLease('10.5.1.0-24&fd10:0:0:1::-64', 1);
  assert.deepEqual(admitted([both]), ['10.5.1.0-24']);
  const alone = dualLease('fd10:0:0:1::-64', 1);
  assert.match(admit([alone]).refused[0]?.reason ?? '', /the network has no IPv6/);
});

test('in a network of IPv6 alone hosts are known by their PublicIPv6', () => {
  const network = networkOf({ EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd10::/48' });
  const attributesOf6 = (number: number) => ({ ...dualAttributesOf('0.0.0.0', `fd00:77::${number}`) });
  const alone = (number: number): Lease =>
    leaseOf(`fd10:0:0:${number}::-64`, '0.0.0.0', { attributes: attributesOf6(number), created: number });
  const cloned = { ...alone(3), attributes: attributesOf6(9) };
  const { admitted: good, refused } = admit([alone(1), alone(2), cloned], {
    network,
    own: alone(9),
    hostAddresses: [],
  });
  assert.deepEqual(good, [alone(1), alone(2)]);
  assert.match(refused[0]?.reason ?? '', /its PublicIP fd00:77::9 is ours/);
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
        assert.ok(a === b || !cidrsOverlap(partOf(a), partOf(b)));
        assert.ok(!cidrContains(partOf(a), b.attributes.publicIp));
      }
    }
  }
});

test('10,000 leases are judged in no time, with 4,096 of them inside a hostile one too', () => {
  const network = networkOf({ Network: '10.0.0.0/8', SubnetLen: 24 });
  const leases = Array.from({ length: 10_000 }, (_, index) => ({
    ...leaseOf('10.5.1.0-24', formatIpv4(ipOf('172.20.0.0') + index), { created: 10 + index }),
    subnet: { ipv4: { address: ipOf('10.16.0.0') + index * 256, length: 24 } },
  }));
  const hostile = leaseOf('10.16.0.0-12', '172.16.0.2', { created: 20_000 });
  const request = { network, own: leaseOf('10.1.1.0-24', '172.16.0.9'), hostAddresses: [ipOf('172.16.0.9')] };
  admit(leases, request);
  const started = performance.now();
  const { admitted: good, refused } = admit([...leases, hostile], request);
  const took = performance.now() - started;
  assert.equal(good.length, 10_000);
  assert.equal(refused.length, 1);
  assert.ok(took < 2000, `${took} ms`);
});

function partOf(lease: Lease): Cidr {
  return lease.subnet.ipv4 ?? assert.fail('no IPv4 subnet');
}
