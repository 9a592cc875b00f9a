import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { runOperator } from '#cli/main.ts';
import { type TestRun, testContext } from '#cli/test-context.ts';
import { initCommand } from './commands.ts';
import { PRESETS } from './document/paths.ts';
import { parseInventory } from './parse-inventory.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-init-'));
});
after(() => rm(folder, { recursive: true }));

/** Runs `weft init` with these words; questions get the answers in their order, then none. */
async function init(
  words: readonly string[],
  answers: readonly string[] = [],
): Promise<TestRun & { asked: readonly string[] }> {
  const left = [...answers];
  const asked: string[] = [];
  const { context, out, notes, finished } = testContext({
    ask: async (question) => {
      asked.push(question);
      return left.shift();
    },
  });
  const code = await runOperator(context, ['init', ...words], [initCommand]);
  return { code: code === 0 ? finished() : code, out: out(), notes: notes(), asked };
}

suite('weft init', () => {
  test('prints a commented inventory that is right, with what the flags say', async () => {
    const words =
      '--host 10.0.0.1,b=10.0.0.2 --host 10.0.0.3 --network 10.8.0.0/14 --backend host-gw --preset guide-003 --user admin --vip 10.0.0.9 -o -';
    const { code, out } = await init(words.split(' '));
    assert.equal(code, 0);
    assert.match(out, /^# The inventory of a fleet/);
    const parsed = parseInventory(out);
    assert('inventory' in parsed);
    const { hosts, network, loadBalancer, etcd } = parsed.inventory;
    assert.deepEqual(
      hosts.map(({ name }) => name),
      ['node-1', 'b', 'node-3'],
    );
    assert.equal(hosts[0]?.ssh.user, 'admin');
    assert.equal(hosts[0]?.paths.binaries, '/opt/k8s/bin');
    assert.equal(network.document, '{"Network":"10.8.0.0/14","Backend":{"Type":"host-gw"}}');
    assert.equal(etcd.members.length, 3);
    assert.deepEqual(
      loadBalancer?.balancers.map(({ host }) => host.name),
      ['b', 'node-3'],
    );
  });

  test('takes hosts and a network of IPv6', async () => {
    const { code, out, notes } = await init(['--host', 'fd00::1', '--network', 'fd30::/48', '-o', '-']);
    assert.equal(code, 0, notes);
    assert.match(out, /ipv6Cidr: "fd30::\/48"/);
    assert.match(notes, /warning: hosts: one host has the role etcd/);
  });

  test('writes a file, never over another one without --force', async () => {
    const file = join(folder, 'weft.yaml');
    assert.equal((await init(['--host', '10.0.0.1', '-o', file])).code, 0);
    const first = await readFile(file, 'utf8');
    const again = await init(['--host', '10.0.0.2', '-o', file]);
    assert.equal(again.code, 1);
    assert.match(again.notes, /inventory\.exists/);
    assert.equal(await readFile(file, 'utf8'), first);
    assert.equal((await init(['--host', '10.0.0.2', '-o', file, '--force'])).code, 0);
    assert.match(await readFile(file, 'utf8'), /10\.0\.0\.2/);
    assert.deepEqual(await readdir(folder), ['weft.yaml']);
  });

  test('says why a file cannot be written', async () => {
    const inTheWay = join(folder, 'plain');
    await writeFile(inTheWay, '');
    for (const force of [[], ['--force']]) {
      const { code, notes } = await init(['--host', '10.0.0.1', '-o', join(inTheWay, 'weft.yaml'), ...force]);
      assert.equal(code, 1);
      assert.match(notes, /host\.file/);
    }
    await rm(inTheWay);
  });

  test('asks for what is missing, again when an answer is wrong, and takes defaults', async () => {
    const { code, out, notes, asked } = await init(
      ['-o', '-'],
      ['hello', '10.0.0.1', '10.300.0.0/16', '', 'vxlam', '', 'guide-000'],
    );
    assert.equal(code, 0, notes);
    assert.equal(asked.length, 7);
    assert.match(notes, /"hello" is not an address/);
    assert.match(notes, /10\.300\.0\.0\/16 is not a network/);
    assert.match(notes, /use one of vxlan, /);
    assert.match(out, /cidr: 172\.30\.0\.0\/16\n/);
    assert.match(out, /preset: guide-000\n/);
  });

  test('gives up when nobody answers, or never rightly', async () => {
    assert.equal((await init(['-o', '-'])).code, 2);
    const { code, asked } = await init(['-o', '-'], Array(20).fill('no'));
    assert.equal(code, 2);
    assert.equal(asked.length, 5);
  });

  test('writes nothing that would be refused', async () => {
    const file = join(folder, 'never.yaml');
    const { code, notes } = await init(['--host', '172.30.0.1', '-o', file]);
    assert.equal(code, 2);
    assert.match(notes, /172\.30\.0\.0\/16 holds 172\.30\.0\.1.*\n.*nothing was written/);
    assert.deepEqual(await readdir(folder), ['weft.yaml']);
  });

  for (const [name, words, said] of [
    ['no address', ['--host', 'web'], /"web" is not an address/],
    ['an address twice', ['--host', '10.0.0.1,10.0.0.1'], /10\.0\.0\.1 is there twice/],
    ['nothing', ['--host', ','], /no host is given/],
    ['a name that is none', ['--host', 'UP=10.0.0.1'], /must be a host name/],
    [
      'a text that breaks out of its place',
      ['--host', '10.0.0.1', '--user', 'a"\nversion: 1'],
      /must be the name of a user/,
    ],
  ] as const) {
    test(`refuses ${name}`, async () => {
      const { code, notes } = await init([...words, '-o', '-']);
      assert.equal(code, 2);
      assert.match(notes, said);
    });
  }

  test('knows the presets that there are', () => {
    const option = initCommand(testContext().context).options.find(({ long }) => long === '--preset');
    assert.deepEqual(option?.argChoices, [...PRESETS]);
  });

  test('prints the JSON Schema', async () => {
    const { code, out } = await init(['--schema']);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out).required, ['version', 'hosts', 'network']);
  });

  test('--quiet keeps warnings back', async () => {
    assert.equal((await init(['--host', '10.0.0.1', '-o', '-', '-q'])).notes, '');
  });
});
