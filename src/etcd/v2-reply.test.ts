import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { errorOf, eventOf, MalformedReply, nodeOf, nodesOf } from './v2-reply.ts';

/** A node as etcd 3.4.23 sends it. */
function leaf(key: string, more: object = {}): object {
  return { key, value: 'x', modifiedIndex: 7, createdIndex: 6, ...more };
}

suite('what etcd sends', () => {
  test('a key without expiration never expires; one in its last second has zero left', () => {
    const base = { key: '/a', value: 'x', modifiedIndex: 7, createdIndex: 6 };
    assert.deepEqual(nodeOf({ node: leaf('/a') }), { ...base, ttlSeconds: undefined });
    const expiration = '2026-11-21T15:10:55.323896544Z';
    assert.deepEqual(nodeOf({ node: leaf('/a', { expiration, ttl: 86_400 }) }), { ...base, ttlSeconds: 86_400 });
    assert.deepEqual(nodeOf({ node: leaf('/a', { expiration }) }), { ...base, ttlSeconds: 0 });
  });

  test('an empty value is one, and a directory is none', () => {
    const node = nodeOf({ node: { key: '/a', modifiedIndex: 7, createdIndex: 6 } });
    assert.equal(node !== 'directory' && node.value, '');
    assert.equal(nodeOf({ node: { key: '/a', dir: true } }), 'directory');
  });

  test('all keys of a tree are found, without its directories', () => {
    const tree = { key: '/s', dir: true, nodes: [leaf('/s/a'), { key: '/s/d', dir: true, nodes: [leaf('/s/d/b')] }] };
    const keys = nodesOf({ node: tree }).map(({ key }) => key);
    assert.deepEqual(keys.sort(), ['/s/a', '/s/d/b']);
    assert.deepEqual(nodesOf({ node: { key: '/s', dir: true } }), []);
  });

  test('deleted and expired keys are gone, all else is put', () => {
    for (const action of ['delete', 'expire', 'compareAndDelete']) {
      const node = { key: '/a', modifiedIndex: 9, createdIndex: 6 };
      assert.deepEqual(eventOf({ action, node }), { type: 'gone', key: '/a', index: 9 });
    }
    for (const action of ['set', 'create', 'update', 'compareAndSwap']) {
      assert.equal(eventOf({ action, node: leaf('/a') }).type, 'put');
    }
    assert.deepEqual(eventOf({ action: 'delete', node: { key: '/a', dir: true } }), { type: 'directory', key: '/a' });
  });

  test("an error has etcd's words", () => {
    const body = { errorCode: 105, message: 'Key already exists', cause: '/a', index: 7 };
    assert.deepEqual(errorOf(body), { errorCode: 105, text: 'Key already exists: /a' });
    assert.equal(errorOf({ node: leaf('/a') }), undefined);
  });
});

suite('what etcd never sends', () => {
  const malformed: readonly unknown[] = [
    undefined,
    null,
    7,
    [],
    {},
    { node: null },
    { node: [] },
    { node: { value: 'x' } },
    { node: leaf('/a', { value: 7 }) },
    { node: leaf('/a', { modifiedIndex: '7' }) },
    { node: leaf('/a', { modifiedIndex: -1 }) },
    { node: leaf('/a', { createdIndex: 1e300 }) },
    { node: leaf('/a', { expiration: 'x', ttl: 'soon' }) },
    { action: 7, node: leaf('/a') },
  ];
  for (const body of malformed) {
    test(`${JSON.stringify(body)} is refused`, () => assert.throws(() => eventOf(body), MalformedReply));
  }

  test('a directory whose nodes are no list of objects is refused', () => {
    for (const nodes of [7, {}, [7], [null]]) {
      assert.throws(() => nodesOf({ node: { key: '/s', dir: true, nodes } }), MalformedReply);
    }
  });

  test('a tree of a hundred thousand levels is read without running out of stack', () => {
    let node: object = leaf('/deep');
    for (let level = 0; level < 100_000; level++) node = { key: '/s', dir: true, nodes: [node] };
    assert.equal(nodesOf({ node }).length, 1);
  });
});
