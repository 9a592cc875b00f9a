import assert from 'node:assert/strict';
import { test } from 'node:test';
import { desiredFirewall, FABRIC, FABRIC_V6 } from './firewall-compliance.ts';
import { nftTableText, wantedNftTable } from './nft-table.ts';
import type { ObservedNft } from './observed.ts';
import { planNft } from './plan-nft.ts';
import type { Family } from './prefix.ts';
import { readNftTable } from './read-nft-table.ts';

const NFTABLES = desiredFirewall({ mode: 'nftables' });

function holding(family: Family, text?: string): ObservedNft {
  const table = text === undefined ? undefined : readNftTable(text, 'a test');
  return { family, table, supportsFullyRandom: true };
}

const V4 = `\
table ip flannel-ipv4 {
	comment "rules for flannel-ipv4"
	chain postrtg {
		comment "chain to manage traffic masquerading by flannel"
		type nat hook postrouting priority srcnat; policy accept;
		meta mark 0x00004000 return
		ip saddr 172.30.71.0/24 ip daddr 172.30.0.0/16 return
		ip saddr 172.30.0.0/16 ip daddr 172.30.71.0/24 return
		ip saddr != 172.30.0.0/16 ip daddr 172.30.71.0/24 return
		ip saddr 172.30.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random
		ip saddr != 172.30.0.0/16 ip daddr 172.30.0.0/16 masquerade fully-random
	}

	chain forward {
		comment "chain to accept flannel traffic"
		type filter hook forward priority filter; policy accept;
		ip saddr 172.30.0.0/16 accept
		ip daddr 172.30.0.0/16 accept
	}
}
`;
const EMPTY_V6 = 'table ip6 flannel-ipv6 {\n\tcomment "rules for flannel-ipv6"\n}\n';

test('the first script makes both tables, that of the family out of use empty', () => {
  const script = planNft(NFTABLES, [holding('ipv4'), holding('ipv6')]);
  assert.equal(
    script?.text,
    `add table ip flannel-ipv4\ndelete table ip flannel-ipv4\n${V4}` +
      `add table ip6 flannel-ipv6\ndelete table ip6 flannel-ipv6\n${EMPTY_V6}`,
  );
});

test('tables as they are listed need no script, nor do those that another release of nft lists', () => {
  assert.equal(planNft(NFTABLES, [holding('ipv4', V4), holding('ipv6', EMPTY_V6)]), undefined);
  const otherwise = V4.replace('0x00004000', '0x4000').replace('priority srcnat', 'priority 100');
  assert.equal(planNft(NFTABLES, [holding('ipv4', otherwise.replace('priority filter', 'priority 0'))]), undefined);
});

test('a dormant table, a strange set, another order and a missing comment differ', () => {
  const lines = V4.split('\n');
  const swapped = [...lines.slice(0, 5), lines[6], lines[5], ...lines.slice(7)].join('\n');
  for (const text of [
    V4.replace('\tchain postrtg', '\tflags dormant\n\tchain postrtg'),
    V4.replace('\tchain postrtg', '\tset s {\n\t\ttype ipv4_addr\n\t}\n\tchain postrtg'),
    V4.replace('\tcomment "rules for flannel-ipv4"\n', ''),
    V4.replace('policy accept', 'policy drop'),
    swapped,
  ]) {
    assert.equal(planNft(NFTABLES, [holding('ipv4', text)])?.changes.length, 1, text);
  }
});

test("compat-nft has the fourth rule in flannel's wording, and only that", () => {
  const table = wantedNftTable({ ...NFTABLES, compatNft: true }, 'ipv4', true);
  assert.equal(
    nftTableText('ipv4', table),
    V4.replace(
      'ip saddr != 172.30.0.0/16 ip daddr 172.30.71.0/24 return',
      'ip saddr != 172.30.71.0/24 ip daddr 172.30.0.0/16 return',
    ),
  );
});

test('IPv6 says ip6, has its own multicast range, and leaves out what is turned off', () => {
  const desired = { ...NFTABLES, fabrics: [FABRIC, FABRIC_V6], forward: false, fullyRandom: false };
  assert.equal(
    nftTableText('ipv6', wantedNftTable(desired, 'ipv6', true)),
    `\
table ip6 flannel-ipv6 {
	comment "rules for flannel-ipv6"
	chain postrtg {
		comment "chain to manage traffic masquerading by flannel"
		type nat hook postrouting priority srcnat; policy accept;
		meta mark 0x00004000 return
		ip6 saddr fd00:12:0:7::/64 ip6 daddr fd00:12::/56 return
		ip6 saddr fd00:12::/56 ip6 daddr fd00:12:0:7::/64 return
		ip6 saddr != fd00:12::/56 ip6 daddr fd00:12:0:7::/64 return
		ip6 saddr fd00:12::/56 ip6 daddr != ff00::/8 masquerade
		ip6 saddr != fd00:12::/56 ip6 daddr fd00:12::/56 masquerade
	}
}
`,
  );
});

test('in iptables mode the tables are deleted, if they are there', () => {
  const script = planNft(desiredFirewall(), [holding('ipv4', V4), holding('ipv6')]);
  assert.equal(script?.text, 'delete table ip flannel-ipv4\n');
  assert.equal(planNft(desiredFirewall(), [holding('ipv4'), holding('ipv6')]), undefined);
});
