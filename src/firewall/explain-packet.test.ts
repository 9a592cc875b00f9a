import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv4 } from '#model/ipv4.ts';
import { explainPacket } from './explain-packet.ts';
import { FABRIC } from './firewall-compliance.ts';
import { type MasqueradeOptions, masqueradeRules } from './flannel-rules.ts';

const [OWN_POD, OTHER_POD, OUTSIDE, HOST] = ['172.30.71.5', '172.30.8.9', '192.0.2.80', '10.77.0.11'] as const;

function decide(
  source: string,
  destination: string,
  changed: Partial<MasqueradeOptions> & { mark?: number } = {},
): string {
  const options: MasqueradeOptions = { mode: 'iptables', fullyRandom: true, compatNft: false, ...changed };
  const packet = { source: number(source), destination: number(destination), mark: changed.mark ?? 0 };
  const decision = explainPacket(masqueradeRules(FABRIC, options), packet);
  return decision === undefined ? 'none' : `${decision.number} ${decision.verdict.type}`;
}

test('what the masquerade chain does with a packet', () => {
  assert.equal(decide(OWN_POD, OTHER_POD), '2 return');
  assert.equal(decide(OTHER_POD, OWN_POD), '3 return');
  assert.equal(decide(OUTSIDE, OWN_POD), '4 return');
  assert.equal(decide(OWN_POD, OUTSIDE), '5 masquerade');
  assert.equal(decide(OWN_POD, '239.1.2.3'), 'none');
  assert.equal(decide(HOST, OTHER_POD), '6 masquerade');
  assert.equal(decide(HOST, OUTSIDE), 'none');
  assert.equal(decide(OWN_POD, OUTSIDE, { mark: 0x4001 }), '1 return');
});

test("the corrected nftables rule masquerades what flannel's wording does not (D-20)", () => {
  const nft = { mode: 'nftables' } as const;
  assert.equal(decide(HOST, OTHER_POD, nft), '6 masquerade');
  assert.equal(decide(HOST, OTHER_POD, { ...nft, compatNft: true }), '4 return');
});

test('nftables compares the whole mark, iptables one bit', () => {
  assert.equal(decide(OWN_POD, OUTSIDE, { mode: 'nftables', mark: 0x4000 }), '1 return');
  assert.equal(decide(OWN_POD, OUTSIDE, { mode: 'nftables', mark: 0x4001 }), '5 masquerade');
});

function number(text: string): bigint {
  const address = parseIpv4(text);
  if (address === undefined) throw new Error(text);
  return BigInt(address);
}
