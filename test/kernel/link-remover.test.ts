/** Links deleted on another thread, against the kernel. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { LinkRemover } from '#netlink/link-remover.ts';

let count = 0;

function namespace(context: TestContext): string {
  count += 1;
  const name = `weft-remove-${process.pid}-${count}`;
  execFileSync('ip', ['netns', 'add', name]);
  context.after(() => execFileSync('ip', ['netns', 'delete', name]));
  return name;
}

function addPairs(name: string, pairs: number): void {
  const lines = Array.from({ length: pairs }, (_, index) => `link add a${index} type veth peer name b${index}\n`);
  execFileSync('ip', ['-n', name, '-batch', '-'], { input: lines.join('') });
}

function links(name: string): readonly string[] {
  const text = execFileSync('ip', ['-n', name, '-br', 'link', 'show', 'type', 'veth'], { encoding: 'utf8' });
  return [...text.matchAll(/^\w+/gm)].map(([link]) => link);
}

test('many links at once are gone when their removal resolves, and no other is', async (context) => {
  const name = namespace(context);
  addPairs(name, 12);
  const remover = new LinkRemover(`/run/netns/${name}`);
  const refusals = await Promise.all(Array.from({ length: 11 }, (_, index) => remover.remove(`a${index}`)));
  assert.deepEqual(refusals, Array(11).fill(undefined));
  assert.deepEqual(links(name).toSorted(), ['a11', 'b11']);
});

test('a link that is not there is refused by name, beside others that are', async (context) => {
  const name = namespace(context);
  addPairs(name, 3);
  const remover = new LinkRemover(`/run/netns/${name}`);
  assert.equal((await remover.remove('none'))?.code, 'ENODEV');
  const [first, none, second] = await Promise.all(['a0', 'none', 'a1'].map((link) => remover.remove(link)));
  assert.deepEqual([first, none?.code, second], [undefined, 'ENODEV', undefined]);
  assert.deepEqual(links(name).toSorted(), ['a2', 'b2']);
});

test('who asks for the same link twice is told twice', async (context) => {
  const name = namespace(context);
  addPairs(name, 1);
  const remover = new LinkRemover(`/run/netns/${name}`);
  const [refusal, ...others] = await Promise.all([remover.remove('a0'), remover.remove('a0'), remover.remove('a0')]);
  assert.equal(refusal, undefined);
  // Asked while the first was under way, or found to be gone: either way it is.
  for (const other of others) assert(other === undefined || other.code === 'ENODEV', JSON.stringify(other));
  assert.deepEqual(links(name), []);
});

test('a namespace that is not there is a Fault, and does not keep the next request waiting', async () => {
  const remover = new LinkRemover('/run/netns/weft-none');
  await assert.rejects(remover.remove('a0'), { code: 'kernel.netlink' });
  await assert.rejects(remover.remove('a0'), { code: 'kernel.netlink' });
});
