import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Run } from '#firewall/tool.ts';
import { lookAtFirewall } from './look-at-firewall.ts';

const NOTHING = '{"nftables": [{"metainfo": {"version": "1.0.6"}}]}';

/** A host with these programs; each prints its text, or fails when that is undefined. */
function host(programs: Readonly<Record<string, string | undefined>>): Run {
  return ({ argv }) => {
    const [program = ''] = argv;
    const isThere = program in programs;
    const stdout = programs[program];
    const code = isThere ? (stdout === undefined ? 1 : 0) : 127;
    return Promise.resolve({ code, stdout: stdout ?? '', stderr: 'not here' });
  };
}

function chains(...list: readonly (readonly [family: string, table: string, hook: string])[]): string {
  return JSON.stringify({
    nftables: list.map(([family, table, hook]) => ({ chain: { family, table, name: 'c', hook, prio: 0 } })),
  });
}

const DROP = '*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s 10.5.1.9/32 -j DROP\nCOMMIT\n';

test('a host without rules does not object', async () => {
  assert.deepEqual(await lookAtFirewall(host({ nft: NOTHING, 'iptables-nft-save': '', cat: '' })), []);
  assert.deepEqual(await lookAtFirewall(host({ nft: NOTHING })), []);
});

test('the rules of both variants are looked at, and where neither has its own name, those of the only one', async () => {
  for (const program of ['iptables-nft-save', 'iptables-legacy-save', 'iptables-save']) {
    const [objection] = await lookAtFirewall(host({ nft: NOTHING, [program]: DROP }));
    assert.match(objection ?? '', /-s 10\.5\.1\.9\/32 -j DROP/, program);
  }
});

test('a foreign chain of nftables objects; a chain without a hook is nobody on the way', async () => {
  const [objection] = await lookAtFirewall(host({ nft: chains(['inet', 'firewalld', 'forward']) }));
  assert.match(objection ?? '', /inet firewalld/);
  const plain = JSON.stringify({ nftables: [{ chain: { family: 'inet', table: 'x', name: 'y' } }] });
  assert.deepEqual(await lookAtFirewall(host({ nft: plain })), []);
});

test('what cannot be read objects', async () => {
  const unseen = async (programs: Readonly<Record<string, string | undefined>>, words: RegExp): Promise<void> => {
    assert.match((await lookAtFirewall(host(programs))).join('\n'), words);
  };
  await unseen({ 'iptables-nft-save': '' }, /nft is not installed/);
  await unseen({ nft: undefined }, /nft cannot list the firewall: not here/);
  await unseen({ nft: 'no JSON' }, /not understood/);
  await unseen({ nft: '{}' }, /not understood/);
  const filter = chains(['ip', 'filter', 'forward']);
  await unseen({ nft: filter }, /no iptables-save that can read them/);
  await unseen({ nft: filter, 'iptables-nft-save': undefined, 'iptables-legacy-save': '' }, /no iptables-save/);
  await unseen({ nft: NOTHING, 'iptables-nft-save': '', cat: 'nat\nfilter\n' }, /no iptables-save/);
});
