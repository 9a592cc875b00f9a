import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeTransaction } from './describe.ts';
import {
  desiredFirewall,
  FABRIC,
  FABRIC_V6,
  FILTER_RULES,
  ipv4Fabric,
  NAT_RULES,
  RULES_OF_0_11,
} from './firewall-compliance.ts';
import type { ObservedIptables } from './observed.ts';
import { planIptables } from './plan-iptables.ts';
import { readIptablesSave } from './read-iptables-save.ts';

function holding(saved: string, changed: Partial<ObservedIptables> = {}): ObservedIptables {
  const host = { family: 'ipv4', variant: 'nft', live: true, supportsFullyRandom: true } as const;
  return { ...host, ...readIptablesSave(saved, 'a test'), ...changed };
}

const EMPTY_TABLES = '*nat\n:POSTROUTING ACCEPT [3:180]\nCOMMIT\n*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n';

test('the first transaction makes both chains and appends both jumps', () => {
  assert.equal(
    planIptables(desiredFirewall(), holding(''))?.text,
    `\
*nat
:FLANNEL-POSTRTG - [0:0]
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 172.30.71.0/24 -d 172.30.0.0/16 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 172.30.0.0/16 -d 172.30.71.0/24 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG ! -s 172.30.0.0/16 -d 172.30.71.0/24 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 172.30.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG ! -s 172.30.0.0/16 -d 172.30.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
COMMIT
*filter
:FLANNEL-FWD - [0:0]
-A FLANNEL-FWD -s 172.30.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
-A FLANNEL-FWD -d 172.30.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
COMMIT
`,
  );
});

test('IPv6 has the same rules with its own networks and its own multicast range', () => {
  const text = planIptables(desiredFirewall({ fabrics: [FABRIC_V6] }), holding('', { family: 'ipv6' }))?.text ?? '';
  assert.deepEqual(text.split('\n').slice(3, 8), [
    '-A FLANNEL-POSTRTG -s fd00:12:0:7::/64 -d fd00:12::/56 -m comment --comment "flanneld masq" -j RETURN',
    '-A FLANNEL-POSTRTG -s fd00:12::/56 -d fd00:12:0:7::/64 -m comment --comment "flanneld masq" -j RETURN',
    '-A FLANNEL-POSTRTG ! -s fd00:12::/56 -d fd00:12:0:7::/64 -m comment --comment "flanneld masq" -j RETURN',
    '-A FLANNEL-POSTRTG -s fd00:12::/56 ! -d ff00::/8 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully',
    '-A FLANNEL-POSTRTG ! -s fd00:12::/56 -d fd00:12::/56 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully',
  ]);
});

test('what flannel 0.28.9 left needs no transaction, whatever the counters say', () => {
  const recorded = (FILTER_RULES + NAT_RULES).replaceAll('[0:0]', '[26:2662]');
  assert.equal(planIptables(desiredFirewall(), holding(recorded)), undefined);
});

test('random source ports are left out where the host cannot or the operator does not want them', () => {
  const old = planIptables(desiredFirewall(), holding('', { supportsFullyRandom: false }))?.text ?? '';
  const unwanted = planIptables(desiredFirewall({ fullyRandom: false }), holding(''))?.text;
  assert.ok(old.includes('-j MASQUERADE\n') && !old.includes('random'), old);
  assert.equal(unwanted, old);
});

test('rules of 0.11 go, in the transaction that writes ours, one deletion for each copy', () => {
  const twice = RULES_OF_0_11.replace(/(-A FORWARD -s .*\n)/, '$1$1');
  const transaction = planIptables(desiredFirewall(), holding(twice));
  assert.deepEqual(
    transaction?.text.split('\n').filter((line) => line.startsWith('-D')),
    [
      '-D POSTROUTING -s 172.30.0.0/16 -d 172.30.0.0/16 -j RETURN',
      '-D POSTROUTING -s 172.30.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully',
      '-D POSTROUTING ! -s 172.30.0.0/16 -d 172.30.71.0/24 -j RETURN',
      '-D POSTROUTING ! -s 172.30.0.0/16 -d 172.30.0.0/16 -j MASQUERADE --random-fully',
      '-D FORWARD -s 172.30.0.0/16 -j ACCEPT',
      '-D FORWARD -s 172.30.0.0/16 -j ACCEPT',
      '-D FORWARD -d 172.30.0.0/16 -j ACCEPT',
    ],
  );
});

test("0.11's rules of a network that this host never had are somebody else's", () => {
  const others = RULES_OF_0_11.replaceAll('172.30.', '172.31.');
  const quiet = desiredFirewall({ former: [ipv4Fabric('172.29.0.0/16', '172.29.71.0/24')] });
  assert.ok(!planIptables(quiet, holding(others))?.text.includes('-D'));
});

test("rules that carry flannel's comment beside the jump are those of 0.13 to 0.19, and go", () => {
  const former = '-s 10.1.0.0/16 -d 10.1.0.0/16 -m comment --comment "flanneld masq" -j RETURN';
  const saved = NAT_RULES.replace('-A POSTROUTING', `-A POSTROUTING ${former}\n-A POSTROUTING`) + FILTER_RULES;
  const transaction = planIptables(desiredFirewall(), holding(saved));
  assert.equal(transaction?.text, `*nat\n-D POSTROUTING ${former}\nCOMMIT\n`);
});

test('with forwarding off, an accept without a comment is not taken for a former rule', () => {
  const desired = desiredFirewall({ forward: false, masquerade: false });
  assert.equal(planIptables(desired, holding(EMPTY_TABLES + RULES_OF_0_11)), undefined);
});

test('a family out of use, nftables mode and the variant that is not live are cleaned alike', () => {
  const saved = FILTER_RULES + NAT_RULES;
  const text = `\
*nat
:FLANNEL-POSTRTG - [0:0]
-D POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-X FLANNEL-POSTRTG
COMMIT
*filter
:FLANNEL-FWD - [0:0]
-D FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-X FLANNEL-FWD
COMMIT
`;
  assert.equal(planIptables(desiredFirewall({ fabrics: [FABRIC_V6] }), holding(saved))?.text, text);
  assert.equal(planIptables(desiredFirewall({ mode: 'nftables' }), holding(saved))?.text, text);
  assert.equal(planIptables(desiredFirewall(), holding(saved, { live: false }))?.text, text);
});

test('nothing of ours, nothing to clean', () => {
  const desired = desiredFirewall({ mode: 'nftables', fabrics: [FABRIC] });
  assert.equal(planIptables(desired, holding(EMPTY_TABLES)), undefined);
  assert.equal(planIptables(desired, holding('')), undefined);
});

test('every decision is one line for the log', () => {
  const saved = NAT_RULES.replace(
    '-A POSTROUTING',
    '-A POSTROUTING -s 172.30.0.0/16 -d 172.30.0.0/16 -j RETURN\n-A POSTROUTING',
  );
  const transaction = planIptables(desiredFirewall({ forward: true }), holding(saved));
  assert.ok(transaction !== undefined);
  assert.deepEqual(describeTransaction(transaction), [
    'iptables (nft) ipv4: rule of an older release deleted: -A POSTROUTING -s 172.30.0.0/16 -d 172.30.0.0/16 -j RETURN',
    'iptables (nft) ipv4: chain filter/FLANNEL-FWD written with 2 rules, it was absent',
    'iptables (nft) ipv4: jump from FORWARD to filter/FLANNEL-FWD appended, it was absent',
  ]);
});
