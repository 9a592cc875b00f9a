import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import {
  desiredFirewall,
  FABRIC,
  FABRIC_V6,
  FILTER_RULES,
  FIREWALL_BEHAVIOURS,
  type FirewallUnderTest,
  NAT_RULES,
  tableOf,
} from '#firewall/firewall-compliance.ts';
import { NFT_TABLES } from '#firewall/nft-table.ts';
import { IPTABLES_VARIANTS, type IptablesVariant } from '#firewall/observed.ts';
import type { Family } from '#firewall/prefix.ts';
import { reconcileFirewall } from '#firewall/reconcile-firewall.ts';
import { SystemFirewall } from '#firewall/system-firewall.ts';
import type { Run } from '#firewall/tool.ts';
import { enterNamespace, namespacePath } from '#hosts/namespace.ts';
import { runCommand } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';

const BASE: Readonly<Record<Family, string>> = { ipv4: 'iptables', ipv6: 'ip6tables' };
let count = 0;

interface NamespaceHost extends FirewallUnderTest {
  readonly name: string;
  /** Programs that were run, by name. */
  readonly ran: string[];
  readonly run: Run;
}

/** A namespace in whose commands `iptables` is the given variant, as the alternatives system would have it. */
function namespaceHost(own: IptablesVariant, resyncMs = 60_000): NamespaceHost {
  count += 1;
  const name = `weft-fw-${process.pid}-${count}`;
  execFileSync('ip', ['netns', 'add', name]);
  const ran: string[] = [];
  const run: Run = (command) => {
    const [program = '', ...words] = command.argv;
    ran.push(program);
    const chosen = program.replace(/^(ip6?tables)(?=$|-save$|-restore$)/, `$1-${own}`);
    return runCommand({ ...command, argv: enterNamespace(name, [chosen, ...words]) });
  };
  const within = (argv: readonly string[], input = ''): string => {
    const [program = '', ...words] = enterNamespace(name, argv);
    return execFileSync(program, words, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'ignore'] });
  };
  const firewall = new SystemFirewall({ run, namespace: namespacePath(name), resyncMs });
  return {
    name,
    ran,
    run,
    firewall,
    own,
    restore: (variant, family, text) => void within([`${BASE[family]}-${variant}-restore`, '--noflush'], text),
    nft: (script) => void within(['nft', '--', script]),
    saved: (variant, family) =>
      within([`${BASE[family]}-${variant}-save`])
        .replaceAll(/^#.*\n/gm, '')
        .replaceAll(/\[\d+:\d+\]/g, '[0:0]'),
    nftListed(family) {
      const words = ['nft', 'list', 'table', ...NFT_TABLES[family].split(' ')];
      const [program = '', ...rest] = enterNamespace(name, words);
      const { status, stdout } = spawnSync(program, rest, { encoding: 'utf8' });
      return status === 0 ? stdout : undefined;
    },
    close: () => void execFileSync('ip', ['netns', 'delete', name]),
  };
}

async function onHost(
  own: IptablesVariant,
  run: (host: NamespaceHost) => Promise<void>,
  resyncMs?: number,
): Promise<void> {
  const host = namespaceHost(own, resyncMs);
  try {
    await run(host);
  } finally {
    await host.close();
  }
}

for (const own of IPTABLES_VARIANTS) {
  for (const [name, run] of FIREWALL_BEHAVIOURS) {
    test(`in the kernel, iptables is ${own}: ${name}`, () => onHost(own, run));
  }

  test(`a pass costs one process per family, a write one more and one that looks (${own})`, () =>
    onHost(own, async (host) => {
      const desired = desiredFirewall({ fabrics: [FABRIC, FABRIC_V6] });
      await reconcileFirewall(host.firewall, desired, 'everywhere');
      host.ran.length = 0;
      await reconcileFirewall(host.firewall, desired, 'live');
      assert.deepEqual(host.ran.toSorted(), [`ip6tables-${own}-save`, `iptables-${own}-save`]);
      await host.restore(own, 'ipv4', '*nat\n-F FLANNEL-POSTRTG\nCOMMIT\n');
      host.ran.length = 0;
      await reconcileFirewall(host.firewall, desired, 'live');
      assert.deepEqual(
        host.ran.filter((program) => program.endsWith('-restore')),
        [`iptables-${own}-restore`],
      );
      assert.equal(host.ran.length, 5);
    }));
}

test('iptables-save equals the recorded dump of flannel 0.28.9', () =>
  onHost('nft', async (host) => {
    await reconcileFirewall(host.firewall, desiredFirewall(), 'everywhere');
    assert.equal(await host.saved('nft', 'ipv4'), FILTER_RULES + NAT_RULES);
    assert.equal(await host.saved('nft', 'ipv6'), '');
  }));

test('rules that flannel 0.28.9 left are taken over without a write', () =>
  onHost('nft', async (host) => {
    await host.restore('nft', 'ipv4', FILTER_RULES + NAT_RULES);
    const { transactions } = await reconcileFirewall(host.firewall, desiredFirewall(), 'everywhere');
    assert.deepEqual(transactions, []);
  }));

test('nft lists what flannel 0.28.9 wrote, with compat-nft to the letter, and takes it over without a write', () =>
  onHost('nft', async (host) => {
    const desired = desiredFirewall({ mode: 'nftables', compatNft: true });
    await reconcileFirewall(host.firewall, desired, 'everywhere');
    const recorded = `\
table ip flannel-ipv4 {
	comment "rules for flannel-ipv4"
	chain postrtg {
		comment "chain to manage traffic masquerading by flannel"
		type nat hook postrouting priority srcnat; policy accept;
		meta mark 0x00004000 return
		ip saddr 172.30.71.0/24 ip daddr 172.30.0.0/16 return
		ip saddr 172.30.0.0/16 ip daddr 172.30.71.0/24 return
		ip saddr != 172.30.71.0/24 ip daddr 172.30.0.0/16 return
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
    assert.equal(await host.nftListed('ipv4'), recorded);
    await host.nft('delete table ip flannel-ipv4');
    await host.nft(recorded);
    assert.deepEqual((await reconcileFirewall(host.firewall, desired, 'everywhere')).transactions, []);
    await reconcileFirewall(host.firewall, { ...desired, compatNft: false }, 'live');
    const corrected = 'ip saddr != 172.30.0.0/16 ip daddr 172.30.71.0/24 return';
    assert.equal(
      await host.nftListed('ipv4'),
      recorded.replace('ip saddr != 172.30.71.0/24 ip daddr 172.30.0.0/16 return', corrected),
    );
  }));

test('chains of others that change do not wake, ours do, and what a read has seen wakes nobody', () =>
  onHost('nft', async (host) => {
    await reconcileFirewall(host.firewall, desiredFirewall(), 'everywhere');
    await host.restore('nft', 'ipv4', '*nat\n:KUBE-SVC - [0:0]\nCOMMIT\n');
    let wakes = 0;
    const stop = host.firewall.watch(() => {
      wakes += 1;
    });
    try {
      await host.restore('nft', 'ipv4', '*nat\n-A KUBE-SVC -s 10.0.0.0/8 -j RETURN\nCOMMIT\n');
      await host.nft('add table ip elsewhere; add chain ip elsewhere POSTROUTING');
      await after(300);
      assert.equal(wakes, 0);
      await host.restore('nft', 'ipv4', '*nat\n-I POSTROUTING -s 10.0.0.0/8 -j KUBE-SVC\nCOMMIT\n');
      await after(300);
      assert.equal(wakes, 1);
      await host.restore('nft', 'ipv4', '*nat\n-F FLANNEL-POSTRTG\nCOMMIT\n');
      await after(10);
      await reconcileFirewall(host.firewall, desiredFirewall(), 'live');
      await after(300);
      assert.equal(wakes, 1);
    } finally {
      stop();
    }
  }));

test('the legacy variant is looked at once per resync period, and the finding says so', () =>
  onHost(
    'legacy',
    async (host) => {
      let wakes = 0;
      const stop = host.firewall.watch(() => {
        wakes += 1;
      });
      try {
        await after(250);
        assert.equal(wakes, 0);
        const { findings } = await reconcileFirewall(host.firewall, desiredFirewall(), 'everywhere');
        assert.deepEqual(findings, [{ type: 'polled', family: 'ipv4' }]);
        await after(550);
        assert.ok(wakes >= 3 && wakes <= 5, `${wakes} wakes`);
      } finally {
        stop();
      }
    },
    120,
  ));

test('an iptables table that nft wrote into is a Fault that says so', () =>
  onHost('nft', async (host) => {
    await host.nft(
      'add table ip nat; add chain ip nat POSTROUTING { type nat hook postrouting priority srcnat; }; ' +
        'add rule ip nat POSTROUTING ct state new counter accept',
    );
    await assert.rejects(
      reconcileFirewall(host.firewall, desiredFirewall(), 'everywhere'),
      (error) => error instanceof Fault && error.code === 'firewall.output' && /table nat/.test(error.summary),
    );
  }));

test('a host without iptables and nft is told which package to install', () =>
  onHost('nft', async (host) => {
    const run: Run = (command) =>
      host.run({ ...command, environment: { ...command.environment, PATH: '/nonexistent' } });
    const found: Run = (command) => runCommand({ ...command, argv: ['/nonexistent/program'] });
    for (const missing of [run, found]) {
      const firewall = new SystemFirewall({ run: missing });
      for (const [mode, program] of [
        ['iptables', 'iptables'],
        ['nftables', 'nft'],
      ] as const) {
        await assert.rejects(
          reconcileFirewall(firewall, desiredFirewall({ mode }), 'everywhere'),
          (error) => error instanceof Fault && error.code === 'firewall.missing' && error.message.startsWith(program),
        );
      }
    }
  }));

test('two tables of one save are told apart', () => {
  assert.equal(tableOf(FILTER_RULES + NAT_RULES, 'nat'), NAT_RULES);
});

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
