import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { type CommandBuilder, defineCommand, defineGroup } from './command.ts';
import { helpCommand } from './commands/help.ts';
import { versionCommand } from './commands/version.ts';
import { outputOption } from './output.ts';
import { TestOperator } from './test-context.ts';

const EXAMPLES = [
  ['weft loom weave cloth', 'makes cloth'],
  ['weft loom weave cloth -o json', 'and says so to a program'],
] as const;

const loomCommand: CommandBuilder = (context) => {
  const weave = defineCommand({ name: 'weave <what>', summary: 'weave something', examples: EXAMPLES }).addOption(
    outputOption(),
  );
  weave.action((what: string) => {
    if (what === 'air') throw new Fault('etcd.tcp', { what: 'no thread', where: 'loom 1' });
    if (what === 'bug') throw new TypeError('a bug');
    if (what === 'holes') context.finish(1);
    context.write(`wove ${what}\n`);
  });
  return defineGroup({ name: 'loom', summary: 'the loom', examples: EXAMPLES }, [weave]);
};

const operator = new TestOperator([loomCommand, versionCommand, helpCommand]);

suite('exit codes', () => {
  for (const [line, code] of [
    ['loom weave cloth', 0],
    ['loom weave holes', 1],
    ['loom weave', 2],
    ['loom', 2],
    ['', 2],
    ['loom weave cloth --colour red', 2],
    ['loom weave air', 3],
    ['loom --help', 0],
    ['help loom weave', 0],
    ['help loom wave', 2],
    ['version', 0],
  ] as const) {
    test(`weft ${line} gives ${code}`, async () => {
      assert.equal((await operator.run(line)).code, code);
    });
  }
});

test('an unknown command is answered with the nearest known one', async () => {
  const run = await operator.run('lom weave cloth');
  assert.equal(
    run.notes,
    "error: unknown command 'lom'\n  remedy: Did you mean loom? See weft --help\n  code:   usage.flag\n",
  );
});

test('an unknown word of a group is answered with the nearest known one', async () => {
  assert.match((await operator.run('loom weav cloth')).notes, /Did you mean weave\? See weft loom --help/);
  assert.match((await operator.run('help loom weaev')).notes, /Did you mean weave\?/);
});

test('an unknown flag is answered with the nearest known one', async () => {
  assert.match(
    (await operator.run('loom weave cloth --outptu json')).notes,
    /Did you mean --output\? See weft loom weave --help/,
  );
});

test('a wrong value of a flag is answered with those allowed', async () => {
  assert.match((await operator.run('loom weave cloth -o xml')).notes, /table, wide, json, yaml/);
});

test('with -o json a fault is one JSON object', async () => {
  const { notes } = await operator.run('loom weave air -o json');
  assert.deepEqual(JSON.parse(notes), {
    error: {
      code: 'etcd.tcp',
      message: 'no thread',
      where: 'loom 1',
      remedy: new Fault('etcd.tcp', { what: '' }).remedy,
    },
  });
});

test('colours are for terminals', async () => {
  const coloured = new TestOperator([loomCommand]);
  coloured.colours = true;
  assert(!(await operator.run('loom weave air')).notes.includes('\u001b'));
  assert((await coloured.run('loom weave air')).notes.startsWith('\u001b[31merror:\u001b[39m no thread'));
});

test('a bug is no fault: it is thrown', async () => {
  await assert.rejects(operator.run('loom weave bug'), TypeError);
});

test('a bare group shows its help, as an error', async () => {
  const { out, notes } = await operator.run('loom');
  assert.equal(out, '');
  assert.match(notes, /^Usage: weft loom <command> …/);
});

test('the help of a command names its words, options and two examples', async () => {
  assert.equal(
    (await operator.run('loom weave --help')).out,
    `Usage: weft loom weave [options] <what>

weave something

Options:
  -q, --quiet            print nothing but the data asked for and errors
  -o, --output <format>  how to print (choices: "table", "wide", "json", "yaml", default: "table")
  -h, --help             show this text

Examples:
  weft loom weave cloth          makes cloth
  weft loom weave cloth -o json  and says so to a program
`,
  );
});

test('weft help WORDS is the same as WORDS --help', async () => {
  assert.equal((await operator.run('help loom weave')).out, (await operator.run('loom weave --help')).out);
  assert.equal((await operator.run('help')).out, (await operator.run('--help')).out);
});

test('weft version -o json has version, commit and node', async () => {
  const { out } = await operator.run('version -o json');
  assert.deepEqual(Object.keys(JSON.parse(out)), ['version', 'commit', 'node']);
});
