import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command, CommandOutput } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import { desiredFirewall, FILTER_RULES, NAT_RULES } from './firewall-compliance.ts';
import { chooseVariant, parseIptablesVersion } from './iptables-survey.ts';
import type { OthersRules } from './observed.ts';
import { reconcileFirewall } from './reconcile-firewall.ts';
import { SystemFirewall } from './system-firewall.ts';

const NONE: OthersRules = { count: 0, kubelet: false };
const SOME: OthersRules = { count: 12, kubelet: false };
const KUBELET: OthersRules = { count: 3, kubelet: true };

test('the variant is where the kubelet is, else where rules are, else what iptables is', () => {
  const cases = [
    ['nft', NONE, NONE, 'nft'],
    ['legacy', NONE, NONE, 'legacy'],
    ['nft', NONE, SOME, 'legacy'],
    ['legacy', SOME, NONE, 'nft'],
    ['nft', SOME, SOME, 'nft'],
    ['legacy', SOME, SOME, 'legacy'],
    ['legacy', KUBELET, SOME, 'nft'],
    ['nft', SOME, KUBELET, 'legacy'],
    ['nft', KUBELET, KUBELET, 'nft'],
    [undefined, NONE, NONE, 'nft'],
  ] as const;
  for (const [own, nft, legacy, chosen] of cases) {
    const held = new Map([
      ['nft', nft],
      ['legacy', legacy],
    ] as const);
    assert.equal(chooseVariant(own, held), chosen, JSON.stringify({ own, nft, legacy }));
  }
  assert.equal(chooseVariant(undefined, new Map()), undefined);
});

test('versions are read as each release prints them', () => {
  const cases = [
    ['iptables v1.8.9 (nf_tables)', 'nft', [1, 8, 9]],
    ['ip6tables v1.8.9 (legacy)', 'legacy', [1, 8, 9]],
    ['iptables v1.4.21', 'legacy', [1, 4, 21]],
  ] as const;
  for (const [text, variant, numbers] of cases) assert.deepEqual(parseIptablesVersion(text), { variant, numbers });
  assert.equal(parseIptablesVersion('bash: iptables: not a version'), undefined);
});

/** Programs that print the same always; one that is not listed is not installed. */
function scripted(outputs: Readonly<Record<string, Partial<CommandOutput>>>, ran: Command[] = []): SystemFirewall {
  return new SystemFirewall({
    run: async (command) => {
      ran.push(command);
      const found = Object.entries(outputs).find(([line]) => command.argv.join(' ').startsWith(line));
      return { code: found === undefined ? 127 : 0, stdout: '', stderr: '', ...found?.[1] };
    },
  });
}

test('iptables 1.4 has one variant, no lock to wait for and no random source ports', async () => {
  const ran: Command[] = [];
  const firewall = scripted(
    { 'iptables --version': { stdout: 'iptables v1.4.21\n' }, 'iptables-save': {}, 'iptables-restore': {} },
    ran,
  );
  // The scripted host forgets what is written.
  await assert.rejects(reconcileFirewall(firewall, desiredFirewall(), 'everywhere'), hasCode('firewall.differs'));
  const restore = ran.find(({ argv }) => argv[0] === 'iptables-restore');
  assert.deepEqual(restore?.argv, ['iptables-restore', '--noflush']);
  assert.ok(!restore?.stdin?.includes('--random-fully'));
});

test("a lock that another program holds, and a refusal, are different Faults with the program's words", async () => {
  const host = { 'iptables --version': { stdout: 'iptables v1.8.9 (legacy)\n' }, 'iptables-legacy-save': {} };
  const stderr =
    'Another app is currently holding the xtables lock; still -9s 0us time ahead to have a chance to grab the lock...';
  const locked = scripted({ ...host, 'iptables-legacy-restore --noflush --wait=10': { code: 4, stderr } });
  await assert.rejects(
    reconcileFirewall(locked, desiredFirewall(), 'everywhere'),
    hasCode('firewall.busy', /xtables lock/),
  );
  const denied = scripted({
    ...host,
    'iptables-legacy-restore': { code: 1, stderr: 'iptables-restore: line 3 failed' },
  });
  await assert.rejects(
    reconcileFirewall(denied, desiredFirewall(), 'everywhere'),
    hasCode('firewall.refused', /line 3/),
  );
});

test('without the rights to read, the Fault says to run it as root', async () => {
  const stderr = 'Could not fetch rule set generation id: Permission denied (you must be root)';
  const firewall = scripted({
    'iptables --version': { stdout: 'iptables v1.8.9 (nf_tables)\n' },
    'iptables-nft-save': { code: 4, stderr },
    'iptables-save': { code: 4, stderr },
  });
  await assert.rejects(reconcileFirewall(firewall, desiredFirewall(), 'everywhere'), (error) => {
    assert(error instanceof Fault);
    assert.equal(error.code, 'firewall.refused');
    assert.match(error.remedy, /root/);
    return true;
  });
});

test('an nft that is too old is refused by its version', async () => {
  const firewall = scripted({ 'nft --version': { stdout: 'nftables v0.9.8 (E.D.S.)\n' }, 'nft --check': {} });
  const pass = reconcileFirewall(firewall, desiredFirewall({ mode: 'nftables' }), 'everywhere');
  await assert.rejects(pass, hasCode('firewall.too-old', /v0\.9\.8/));
});

test('a large host is read in one process, and what is kept does not grow with it', async () => {
  const ran: Command[] = [];
  const services = Array.from(
    { length: 20_000 },
    (_, n) => `-A KUBE-SVC-${n} -d 10.96.${n >> 8}.${n & 255}/32 -j RETURN\n`,
  );
  const chains = services.map((_, n) => `:KUBE-SVC-${n} - [0:0]\n`);
  const nat = NAT_RULES.replace('-A POSTROUTING', `${chains.join('')}-A POSTROUTING`).replace(
    'COMMIT',
    `${services.join('')}COMMIT`,
  );
  const firewall = scripted(
    {
      'iptables --version': { stdout: 'iptables v1.8.9 (nf_tables)' },
      'iptables-nft-save': { stdout: FILTER_RULES + nat },
    },
    ran,
  );
  await reconcileFirewall(firewall, desiredFirewall(), 'everywhere');
  ran.length = 0;
  const observed = await firewall.read({ mode: 'iptables', families: ['ipv4'], extent: 'live' });
  assert.deepEqual(
    ran.map(({ argv }) => argv),
    [['iptables-nft-save']],
  );
  assert.ok(JSON.stringify(observed).length < 4_000);
  assert.equal(observed.iptables[0]?.others.count, 40_000);
});

function hasCode(code: string, words = /./): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === code && words.test(error.summary);
}
