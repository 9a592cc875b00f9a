import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Etcd, RangeRequest } from '#etcd/api.ts';
import { ManualClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { listRange } from './etcd-listing.ts';
import { MemoryEtcd } from './memory-etcd.ts';

/** An etcd whose answers are refused above that many characters, and the ranges it was asked for. */
function narrowEtcd(pairs: ReadonlyMap<string, string>, mostCharacters: number): { etcd: Etcd; asked: RangeRequest[] } {
  const memory = new MemoryEtcd({ clock: new ManualClock() });
  const etcd: Etcd = memory.connect();
  for (const [key, value] of pairs) memory.putRaw(key, value);
  const asked: RangeRequest[] = [];
  const range = etcd.range.bind(etcd);
  etcd.range = async (request) => {
    asked.push(request);
    const response = await range(request);
    const characters = response.kvs.reduce((sum, { value }) => sum + value.length, 0);
    if (characters > mostCharacters) throw new Fault('etcd.protocol', { what: `a message has ${characters} bytes` });
    return response;
  };
  return { etcd, asked };
}

function pairsOf(count: number, size: (index: number) => number): ReadonlyMap<string, string> {
  return new Map(
    Array.from({ length: count }, (_, index) => [`/p/${String(index).padStart(6, '0')}`, 'x'.repeat(size(index))]),
  );
}

async function keysListed(etcd: Etcd): Promise<readonly string[]> {
  const keys: string[] = [];
  await listRange(etcd, '/p/', '/p0', ({ key }) => keys.push(key));
  return keys;
}

test('what one answer holds is asked for once', async () => {
  const pairs = pairsOf(100, () => 10);
  const { etcd, asked } = narrowEtcd(pairs, 10_000);
  assert.deepEqual(await keysListed(etcd), [...pairs.keys()]);
  assert.equal(asked.length, 1);
});

test('what one answer does not hold is listed in pages, as small as it takes, each pair once and at one revision', async () => {
  for (const most of [100, 1000, 20_000]) {
    const pairs = pairsOf(2000, (index) => (index % 7 === 0 ? 100 : 1));
    const { etcd, asked } = narrowEtcd(pairs, most);
    assert.deepEqual(await keysListed(etcd), [...pairs.keys()]);
    assert.ok(asked.length > 3);
    assert.equal(new Set(asked.slice(2).map(({ revision }) => revision)).size, 1);
  }
});

test('a pair that no answer holds, and any other trouble, is the Fault that it is', async () => {
  const { etcd } = narrowEtcd(
    pairsOf(3, () => 50),
    40,
  );
  await assert.rejects(keysListed(etcd), (error) => error instanceof Fault && error.code === 'etcd.protocol');
  etcd.range = () => Promise.reject(new Fault('etcd.tcp', { what: 'gone' }));
  await assert.rejects(keysListed(etcd), (error) => error instanceof Fault && error.code === 'etcd.tcp');
});
