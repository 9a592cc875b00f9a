import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { desiredFirewall, FIREWALL_BEHAVIOURS } from './firewall-compliance.ts';
import { MemoryFirewall } from './memory-firewall.ts';
import { IPTABLES_VARIANTS } from './observed.ts';
import { reconcileFirewall } from './reconcile-firewall.ts';

for (const own of IPTABLES_VARIANTS) {
  for (const [name, run] of FIREWALL_BEHAVIOURS) {
    test(`in memory, iptables is ${own}: ${name}`, async () => {
      const firewall = new MemoryFirewall({ iptables: own });
      await run({
        firewall,
        own,
        restore: (...input) => firewall.restore(...input),
        nft: (script) => firewall.nft(script),
        saved: (...which) => firewall.saved(...which),
        nftListed: (family) => firewall.nftListed(family),
        close() {},
      });
    });
  }
}

test('a missing program is a Fault that names it and the package', async () => {
  const without = new MemoryFirewall({ iptables: 'none', nft: false });
  for (const [mode, program, remedy] of [
    ['iptables', /^iptables is not installed/, /package iptables/],
    ['nftables', /^nft is not installed/, /package nftables/],
  ] as const) {
    await assert.rejects(reconcileFirewall(without, desiredFirewall({ mode }), 'everywhere'), (error) => {
      assert(error instanceof Fault);
      assert.equal(error.code, 'firewall.missing');
      assert.match(error.message, program);
      assert.match(error.remedy, remedy);
      return true;
    });
  }
});

test('each mode does without the programs of the other', async () => {
  const onlyNft = new MemoryFirewall({ iptables: 'none' });
  await reconcileFirewall(onlyNft, desiredFirewall({ mode: 'nftables' }), 'everywhere');
  const onlyIptables = new MemoryFirewall({ nft: false });
  await reconcileFirewall(onlyIptables, desiredFirewall(), 'everywhere');
  assert.deepEqual([onlyNft.written, onlyIptables.written], [1, 1]);
});

test('a host without random source ports gets the rules without, and a finding', async () => {
  const firewall = new MemoryFirewall({ supportsFullyRandom: false });
  const { findings } = await reconcileFirewall(firewall, desiredFirewall(), 'everywhere');
  assert.deepEqual(findings, [{ type: 'not-fully-random', family: 'ipv4' }]);
  assert.match(firewall.saved('nft', 'ipv4'), /-j MASQUERADE\n/);
  const again = await reconcileFirewall(firewall, desiredFirewall({ fullyRandom: false }), 'live');
  assert.deepEqual(again, { transactions: [], findings: [] });
});

test('rules that do not read back as written are a Fault, not an endless repair', async () => {
  const firewall = new MemoryFirewall();
  const apply = firewall.apply.bind(firewall);
  firewall.apply = async (transaction) => {
    await apply(transaction);
    firewall.restore('nft', 'ipv4', '*filter\n-F FLANNEL-FWD\nCOMMIT\n');
  };
  await assert.rejects(
    reconcileFirewall(firewall, desiredFirewall(), 'everywhere'),
    (error) => error instanceof Fault && error.code === 'firewall.differs' && /FLANNEL-FWD/.test(error.summary),
  );
});

test('the fake lists a table as iptables -S does', async () => {
  const firewall = new MemoryFirewall();
  await reconcileFirewall(firewall, desiredFirewall({ masquerade: false }), 'everywhere');
  assert.equal(
    firewall.listed('nft', 'ipv4', 'filter'),
    [
      '-P INPUT ACCEPT',
      '-P FORWARD ACCEPT',
      '-P OUTPUT ACCEPT',
      '-N FLANNEL-FWD',
      '-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD',
      '-A FLANNEL-FWD -s 172.30.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT',
      '-A FLANNEL-FWD -d 172.30.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT',
      '',
    ].join('\n'),
  );
});
