import assert from 'node:assert/strict';
import { test } from 'node:test';
import { desiredFirewall, FABRIC, ipv4Fabric } from './firewall-compliance.ts';
import { isOfOtherFabric, knownFabrics, sharedRules } from './other-fabrics.ts';

const FORMER = ipv4Fabric('10.5.0.0/16', '10.5.9.0/24');
const KNOWN = knownFabrics(desiredFirewall({ former: [FORMER] }), 'ipv4');

for (const [rule, expected, why] of [
  ['-s 10.12.0.0/16 -j ACCEPT', true, 'a network that does not touch ours'],
  ['-s 10.12.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE', true, 'multicast is no network of anybody'],
  ['ip saddr != 10.12.0.0/16 ip daddr 10.12.7.0/24 return', true, 'the same in the words of nft'],
  ['-s 172.30.0.0/16 -j ACCEPT', false, 'our network'],
  ['-s 172.16.0.0/12 -j ACCEPT', false, 'a network around ours'],
  ['-s 10.12.0.0/16 -d 172.30.71.0/24 -j RETURN', false, 'one of two is ours'],
  ['-s 10.5.0.0/16 -j ACCEPT', false, 'a network that we had'],
  ['-m mark --mark 0x4000/0x4000 -j RETURN', false, 'no network at all'],
] as const) {
  test(`${rule} is ${expected ? '' : 'not '}another agent's: ${why}`, () => {
    assert.equal(isOfOtherFabric(rule, KNOWN), expected);
  });
}

test('of a family that we do not have nothing is known', () => {
  assert.deepEqual(knownFabrics(desiredFirewall({ fabrics: [FABRIC] }), 'ipv6'), []);
  assert.ok(!isOfOtherFabric('-s fd00::/56 -j ACCEPT', []));
});

test('others stay behind what we write, and a chain that is right stays as it is', () => {
  const isOther = (rule: string): boolean => rule.startsWith('theirs');
  const shared = (wanted: readonly string[] | undefined, held: readonly string[]): readonly string[] | undefined =>
    sharedRules(wanted, held, isOther, (a, b) => a === b);
  assert.deepEqual(shared(['mark', 'a', 'b'], ['theirs', 'mark', 'b']), ['mark', 'a', 'b', 'theirs']);
  assert.deepEqual(shared(['mark', 'a'], ['mark', 'theirs', 'mark', 'a']), ['mark', 'theirs', 'mark', 'a']);
  assert.deepEqual(shared(['mark', 'a'], ['mark', 'mark', 'a']), ['mark', 'a'], 'nobody else is there');
  assert.deepEqual(shared(undefined, ['mark', 'a 10.5.0.0/16', 'theirs']), ['mark', 'theirs']);
  assert.equal(shared(undefined, ['mark', 'a']), undefined);
});
