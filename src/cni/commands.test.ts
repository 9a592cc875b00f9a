import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestOperator } from '#cli/test-context.ts';
import { cniCommand } from './commands.ts';

const run = (line: string) => new TestOperator([cniCommand]).run(line);

test('only root may install, since a trial needs namespaces', async (t) => {
  const { geteuid } = process;
  t.after(() => Object.assign(process, { geteuid }));
  Object.assign(process, { geteuid: () => 1000 });
  const { code, notes } = await run('cni install --bin-dir /nowhere --conf-dir /nowhere');
  assert.equal(code, 2);
  assert.match(notes, /only root may make/);
});

test('a name that is none of a network is refused before anything is looked at', async () => {
  const { code, notes } = await run('cni check --name ../x');
  assert.equal(code, 2);
  assert.match(notes, /--name \.\.\/x is no name for a network/);
});

test('plugins that can be installed are offered', async () => {
  const { code, notes } = await run('cni install --plugin loom');
  assert.equal(code, 2);
  assert.match(notes, /Allowed choices are flannel/);
});
