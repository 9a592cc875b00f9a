/**
 * What every Firewall does, as named behaviours: run on the fake (memory-firewall.test.ts) and on the programs of the machine
 * in a namespace of its own (test/kernel/firewall.test.ts), for both variants of iptables.
 */
import assert from 'node:assert/strict';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { parseIpv6Cidr } from '#model/ipv6.ts';
import { Fault } from '#runtime/fault.ts';
import type { DesiredFirewall, Fabric } from './desired.ts';
import type { Firewall, FirewallScope } from './firewall.ts';
import { NFT_TABLES } from './nft-table.ts';
import type { IptablesVariant } from './observed.ts';
import type { FirewallPlan } from './plan.ts';
import { type Family, ipv4Prefix, ipv6Prefix, type Prefix } from './prefix.ts';
import { reconcileFirewall } from './reconcile-firewall.ts';

/** A host without rules. */
export interface FirewallUnderTest {
  readonly firewall: Firewall;
  /** What `iptables` is on that host. */
  readonly own: IptablesVariant;
  /** Another program's `iptables-restore --noflush`. */
  restore(variant: IptablesVariant, family: Family, text: string): void | Promise<void>;
  /** Another program's nft script. */
  nft(script: string): void | Promise<void>;
  /** `iptables-save` without comment lines, counters at zero. */
  saved(variant: IptablesVariant, family: Family): string | Promise<string>;
  /** `nft list table` of our table; undefined when it is not there. */
  nftListed(family: Family): string | undefined | Promise<string | undefined>;
  close(): void | Promise<void>;
}

export type Behaviour = readonly [name: string, run: (host: FirewallUnderTest) => Promise<void>];

/** Demand: what another program flushed is back within a second. */
const WAKE_LIMIT_MS = 1_000;

export const FABRIC = ipv4Fabric('172.30.0.0/16', '172.30.71.0/24');
export const FABRIC_V6 = ipv6Fabric('fd00:12::/56', 'fd00:12:0:7::/64');

/** Everything on, IPv4 only. */
export function desiredFirewall(changed: Partial<DesiredFirewall> = {}): DesiredFirewall {
  const defaults = { masquerade: true, forward: true, fullyRandom: true, compatNft: false };
  return { mode: 'iptables', fabrics: [FABRIC], former: [], ...defaults, ...changed };
}

export function ipv4Fabric(network: string, subnet: string): Fabric {
  return { network: ipv4(network), subnet: ipv4(subnet) };
}

export function ipv6Fabric(network: string, subnet: string): Fabric {
  return { network: ipv6(network), subnet: ipv6(subnet) };
}

/** One table of what iptables-save printed; undefined when it is not there. */
export function tableOf(saved: string, name: string): string | undefined {
  return new RegExp(`^\\*${name}\\n[\\s\\S]*?^COMMIT\\n`, 'm').exec(saved)?.[0];
}

export const NAT_RULES = `\
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 172.30.71.0/24 -d 172.30.0.0/16 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 172.30.0.0/16 -d 172.30.71.0/24 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG ! -s 172.30.0.0/16 -d 172.30.71.0/24 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 172.30.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG ! -s 172.30.0.0/16 -d 172.30.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
COMMIT
`;

export const FILTER_RULES = `\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:FLANNEL-FWD - [0:0]
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-A FLANNEL-FWD -s 172.30.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
-A FLANNEL-FWD -d 172.30.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
COMMIT
`;

/** As flannel 0.11.0 left them (recorded). */
export const RULES_OF_0_11 = `\
*filter
-A FORWARD -s 172.30.0.0/16 -j ACCEPT
-A FORWARD -d 172.30.0.0/16 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 172.30.0.0/16 -d 172.30.0.0/16 -j RETURN
-A POSTROUTING -s 172.30.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully
-A POSTROUTING ! -s 172.30.0.0/16 -d 172.30.71.0/24 -j RETURN
-A POSTROUTING ! -s 172.30.0.0/16 -d 172.30.0.0/16 -j MASQUERADE --random-fully
COMMIT
`;

export const FIREWALL_BEHAVIOURS: readonly Behaviour[] = [
  [
    "a host without rules gets flannel's, and then nothing differs",
    async (host) => {
      assert.equal((await reconcile(host)).transactions.length, 1);
      await holdsOurs(host);
      assert.deepEqual((await reconcile(host)).transactions, []);
      assert.deepEqual((await reconcile(host, {}, 'live')).transactions, []);
    },
  ],
  [
    'a rule that somebody deleted comes back, and the other table is not written',
    async (host) => {
      await reconcile(host);
      await host.restore(host.own, 'ipv4', '*filter\n-F FLANNEL-FWD\nCOMMIT\n');
      const [transaction] = (await reconcile(host, {}, 'live')).transactions;
      assert.ok(transaction !== undefined && !transaction.text.includes('*nat'), transaction?.text);
      await holdsOurs(host);
    },
  ],
  [
    'rules in the wrong order and an extra rule among ours are repaired',
    async (host) => {
      await reconcile(host);
      const extra = '-s 172.30.0.0/16 -j MASQUERADE';
      await host.restore(host.own, 'ipv4', `*nat\n-I FLANNEL-POSTRTG ${extra}\nCOMMIT\n`);
      await reconcile(host, {}, 'live');
      await holdsOurs(host);
      const moved = '-m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN';
      const swap = `-D FLANNEL-POSTRTG ${moved}\n-A FLANNEL-POSTRTG ${moved}`;
      await host.restore(host.own, 'ipv4', `*nat\n${swap}\nCOMMIT\n`);
      await reconcile(host, {}, 'live');
      await holdsOurs(host);
    },
  ],
  [
    'a jump that is there twice, or with a condition, becomes the one that it should be',
    async (host) => {
      await reconcile(host);
      const jump = '-m comment --comment "flanneld masq" -j FLANNEL-POSTRTG';
      await host.restore(host.own, 'ipv4', `*nat\n-A POSTROUTING ${jump}\nCOMMIT\n`);
      await reconcile(host, {}, 'live');
      await holdsOurs(host);
      const narrow = `-D POSTROUTING ${jump}\n-A POSTROUTING -s 172.30.71.0/24 -j FLANNEL-POSTRTG`;
      await host.restore(host.own, 'ipv4', `*nat\n${narrow}\nCOMMIT\n`);
      await reconcile(host, {}, 'live');
      await holdsOurs(host);
    },
  ],
  [
    'what others insert in front of us or append behind us is left alone',
    async (host) => {
      await reconcile(host);
      const docker = '-s 172.17.0.0/16 -j MASQUERADE';
      await host.restore(
        host.own,
        'ipv4',
        `*nat\n-I POSTROUTING ${docker}\n-A POSTROUTING -s 10.9.0.0/16 -j ACCEPT\nCOMMIT\n`,
      );
      const before = await host.saved(host.own, 'ipv4');
      assert.deepEqual((await reconcile(host)).transactions, []);
      assert.equal(await host.saved(host.own, 'ipv4'), before);
    },
  ],
  [
    'a rule that decides about everything in front of our jump is reported',
    async (host) => {
      await host.restore(host.own, 'ipv4', '*filter\n-A FORWARD -j DROP\nCOMMIT\n');
      const { findings } = await reconcile(host);
      assert.deepEqual(
        findings.filter(({ type }) => type === 'unreachable'),
        [{ type: 'unreachable', family: 'ipv4', purpose: 'forward', rule: '-j DROP' }],
      );
    },
  ],
  [
    'another network and subnet leave nothing of the former ones',
    async (host) => {
      await reconcile(host);
      const next = ipv4Fabric('10.5.0.0/16', '10.5.9.0/24');
      await reconcile(host, { fabrics: [next], former: [FABRIC] });
      const saved = await host.saved(host.own, 'ipv4');
      assert.ok(!saved.includes('172.30'), saved);
      assert.ok(saved.includes('-A FLANNEL-POSTRTG -s 10.5.9.0/24 -d 10.5.0.0/16'), saved);
    },
  ],
  [
    'rules of 0.11 are removed in the transaction that writes ours, also those of the former network',
    async (host) => {
      await host.restore(host.own, 'ipv4', RULES_OF_0_11);
      assert.equal((await reconcile(host)).transactions.length, 1);
      await holdsOurs(host);
      await host.restore(host.own, 'ipv4', RULES_OF_0_11);
      const next = ipv4Fabric('10.5.0.0/16', '10.5.9.0/24');
      await reconcile(host, { fabrics: [next], former: [FABRIC] });
      assert.ok(!(await host.saved(host.own, 'ipv4')).includes('172.30'));
    },
  ],
  [
    'masquerading turned off removes its chain and its jump only; then forwarding too',
    async (host) => {
      await reconcile(host);
      await reconcile(host, { masquerade: false });
      assert.equal(tableOf(await host.saved(host.own, 'ipv4'), 'filter'), FILTER_RULES);
      assert.ok(!(await host.saved(host.own, 'ipv4')).includes('FLANNEL-POSTRTG'));
      await reconcile(host, { masquerade: false, forward: false });
      assert.ok(!(await host.saved(host.own, 'ipv4')).includes('FLANNEL'));
      assert.deepEqual((await reconcile(host, { masquerade: false, forward: false })).transactions, []);
    },
  ],
  [
    "a chain that somebody else's rule leads to is emptied, not deleted",
    async (host) => {
      await reconcile(host);
      await host.restore(host.own, 'ipv4', '*nat\n:OTHER - [0:0]\n-A OTHER -j FLANNEL-POSTRTG\nCOMMIT\n');
      await reconcile(host, { masquerade: false });
      const nat = tableOf(await host.saved(host.own, 'ipv4'), 'nat') ?? '';
      assert.ok(nat.includes(':FLANNEL-POSTRTG') && !nat.includes('-A FLANNEL-POSTRTG'), nat);
      assert.deepEqual((await reconcile(host, { masquerade: false })).transactions, []);
    },
  ],
  [
    'from iptables to nftables and back, each mode leaves nothing of the other',
    async (host) => {
      await reconcile(host);
      await reconcile(host, { mode: 'nftables' });
      assert.ok(!(await host.saved(host.own, 'ipv4')).includes('FLANNEL'));
      assert.match((await host.nftListed('ipv4')) ?? '', /chain postrtg[\s\S]*chain forward/);
      assert.equal(await host.nftListed('ipv6'), 'table ip6 flannel-ipv6 {\n\tcomment "rules for flannel-ipv6"\n}\n');
      assert.deepEqual((await reconcile(host, { mode: 'nftables' })).transactions, []);
      await reconcile(host);
      await holdsOurs(host);
      assert.deepEqual([await host.nftListed('ipv4'), await host.nftListed('ipv6')], [undefined, undefined]);
    },
  ],
  [
    'the nftables table comes back after a flush, and is replaced when a rule differs',
    async (host) => {
      const nftables = { mode: 'nftables' } as const;
      await reconcile(host, nftables);
      const right = await host.nftListed('ipv4');
      await host.nft('flush ruleset\n');
      await reconcile(host, nftables, 'live');
      assert.equal(await host.nftListed('ipv4'), right);
      await host.nft(`table ${NFT_TABLES.ipv4} {\n\tchain forward {\n\t\tip saddr 10.0.0.0/8 drop\n\t}\n}\n`);
      assert.notEqual(await host.nftListed('ipv4'), right);
      await reconcile(host, nftables, 'live');
      assert.equal(await host.nftListed('ipv4'), right);
    },
  ],
  [
    'both families, in both modes; the one that goes out of use is cleaned',
    async (host) => {
      const dual = { fabrics: [FABRIC, FABRIC_V6] };
      assert.equal((await reconcile(host, dual)).transactions.length, 2);
      await holdsOurs(host);
      const v6 = await host.saved(host.own, 'ipv6');
      assert.ok(v6.includes('-A FLANNEL-POSTRTG -s fd00:12::/56 ! -d ff00::/8'), v6);
      assert.deepEqual((await reconcile(host, dual, 'live')).transactions, []);
      await reconcile(host, {});
      assert.ok(!(await host.saved(host.own, 'ipv6')).includes('FLANNEL'));
      await reconcile(host, { ...dual, mode: 'nftables' });
      assert.match((await host.nftListed('ipv6')) ?? '', /ip6 saddr fd00:12::\/56 ip6 daddr != ff00::\/8 masquerade/);
    },
  ],
  [
    'our rules in the variant that is not live are removed',
    async (host) => {
      const other = host.own === 'nft' ? 'legacy' : 'nft';
      await host.restore(other, 'ipv4', NAT_RULES + FILTER_RULES);
      await reconcile(host);
      assert.ok(!(await host.saved(other, 'ipv4')).includes('FLANNEL'));
      await holdsOurs(host);
    },
  ],
  [
    'rules go where those of others are, and both variants with rules are reported',
    async (host) => {
      const other = host.own === 'nft' ? 'legacy' : 'nft';
      await host.restore(other, 'ipv4', '*filter\n:FORWARD DROP [0:0]\nCOMMIT\n');
      await reconcile(host);
      assert.ok((await host.saved(other, 'ipv4')).includes('FLANNEL-FWD'));
      assert.ok(!(await host.saved(host.own, 'ipv4')).includes('FLANNEL'));
      await host.restore(host.own, 'ipv4', '*filter\n-A INPUT -s 10.0.0.0/8 -j ACCEPT\nCOMMIT\n');
      const { findings } = await reconcile(host);
      assert.ok(findings.some((finding) => finding.type === 'both-variants' && finding.live === host.own));
      await holdsOurs({ ...host, saved: async (...which) => withoutInput(await host.saved(...which)) });
    },
  ],
  [
    'a policy of DROP is reported in nftables mode, which cannot lift it',
    async (host) => {
      await host.restore(host.own, 'ipv4', '*filter\n:FORWARD DROP [0:0]\nCOMMIT\n');
      const { findings } = await reconcile(host, { mode: 'nftables' });
      assert.deepEqual(findings, [{ type: 'forward-drop', family: 'ipv4', variant: host.own }]);
    },
  ],
  [
    'two agents with a network each share the chains in either mode, and neither writes when the other has',
    async (host) => {
      for (const mode of ['iptables', 'nftables'] as const) {
        const [ours, theirs] = [{ mode }, { mode, fabrics: [ipv4Fabric('10.12.0.0/16', '10.12.7.0/24')] }];
        for (const each of [ours, theirs]) assert.notEqual((await reconcile(host, each)).transactions.length, 0);
        for (const each of [ours, theirs]) assert.deepEqual((await reconcile(host, each)).transactions, []);
        await reconcile(host, { ...ours, masquerade: false });
        assert.deepEqual((await reconcile(host, theirs)).transactions, []);
        await reconcile(host, ours);
        assert.deepEqual((await reconcile(host, theirs)).transactions, []);
        const [saved, table] = [await host.saved(host.own, 'ipv4'), await host.nftListed('ipv4')];
        const text = mode === 'iptables' ? saved : (table ?? '');
        for (const network of ['172.30.0.0/16', '10.12.0.0/16']) assert.equal(text.split(network).length - 1, 8, text);
      }
    },
  ],
  [
    'a transaction that is refused is a Fault and changes nothing',
    async (host) => {
      await reconcile(host);
      const before = await host.saved(host.own, 'ipv4');
      const text = '*nat\n-A POSTROUTING -s 10.0.0.0/8 -j ACCEPT\n-D POSTROUTING -s 10.1.0.0/16 -j ACCEPT\nCOMMIT\n';
      const refused = host.firewall.apply({ type: 'iptables', family: 'ipv4', variant: host.own, text, changes: [] });
      await assert.rejects(refused, (error) => error instanceof Fault && error.code === 'firewall.refused');
      assert.equal(await host.saved(host.own, 'ipv4'), before);
      const script = 'add table ip flannel-ipv4\ntable ip flannel-ipv4 {\n\tchain x {\n\t\tfrobnicate\n\t}\n}\n';
      const refusedNft = host.firewall.apply({ type: 'nft', text: script, changes: [] });
      await assert.rejects(refusedNft, (error) => error instanceof Fault && error.code === 'firewall.refused');
      assert.equal(await host.nftListed('ipv4'), undefined);
    },
  ],
  [
    'a change by somebody else wakes, and in iptables-nft and nft the listener is told at once',
    async (host) => {
      const mode = host.own === 'nft' ? 'iptables' : 'nftables';
      await reconcile(host, { mode });
      const { promise: woken, resolve, reject } = Promise.withResolvers<void>();
      const stop = host.firewall.watch(() => resolve());
      const late = setTimeout(() => reject(new Error('nobody was told')), WAKE_LIMIT_MS);
      try {
        if (host.own === 'nft') await host.restore('nft', 'ipv4', '*filter\n-F FLANNEL-FWD\nCOMMIT\n');
        else await host.nft('flush ruleset\n');
        await woken;
        assert.equal((await reconcile(host, { mode }, 'live')).transactions.length, 1);
      } finally {
        clearTimeout(late);
        stop();
      }
    },
  ],
];

/** One pass as the agent makes it. */
async function reconcile(
  host: FirewallUnderTest,
  changed: Partial<DesiredFirewall> = {},
  extent: FirewallScope['extent'] = 'everywhere',
): Promise<FirewallPlan> {
  return reconcileFirewall(host.firewall, desiredFirewall(changed), extent);
}

async function holdsOurs(host: FirewallUnderTest): Promise<void> {
  const saved = await host.saved(host.own, 'ipv4');
  assert.equal(tableOf(saved, 'nat'), NAT_RULES);
  assert.equal(tableOf(saved, 'filter'), FILTER_RULES);
}

function withoutInput(saved: string): string {
  return saved.replaceAll(/^-A INPUT .*\n/gm, '');
}

function ipv4(text: string): Prefix {
  const cidr = parseIpv4Cidr(text);
  if (cidr === undefined) throw new Error(`not an IPv4 network: ${text}`);
  return ipv4Prefix(cidr);
}

function ipv6(text: string): Prefix {
  const cidr = parseIpv6Cidr(text);
  if (cidr === undefined) throw new Error(`not an IPv6 network: ${text}`);
  return ipv6Prefix(cidr);
}
