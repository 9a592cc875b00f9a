/** The etcd v2 client on real etcd: what each verb does, and what it says when it cannot. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { after, suite, type TestContext, test } from 'node:test';
import type { EtcdOptions } from '#etcd/api.ts';
import type { EtcdV2 } from '#etcd/v2-api.ts';
import { connectEtcdV2 } from '#etcd/v2-client.ts';
import type { EtcdCluster } from '#lab/etcd-cluster.ts';
import type { Cleanup } from './client-fixture.ts';
import { faultOf, startCluster } from './client-fixture.ts';
import { etcdctl, startV2Cluster, V2Keyboard } from './v2-fixture.ts';

const cluster = await startV2Cluster({ after }, 1);
const [endpoint = ''] = cluster.endpoints;
const keyboard = new V2Keyboard(endpoint);

function connect(
  context: Cleanup,
  from: Pick<EtcdCluster, 'endpoints' | 'tls'>,
  options: Partial<EtcdOptions> = {},
): EtcdV2 {
  const client = connectEtcdV2({ endpoints: from.endpoints, ...from.tls, ...options });
  context.after(() => client.close());
  return client;
}

suite('verbs', () => {
  test('a key is created once, replaced as it was seen, and deleted as it was seen', async (t) => {
    const client = connect(t, cluster);
    const created = await client.create('/verbs/a', 'one', 100);
    assert.ok(created !== 'exists');
    assert.equal(created.createdIndex, created.modifiedIndex);
    assert.equal(created.ttlSeconds, 100);
    assert.equal(await client.create('/verbs/a', 'two'), 'exists');
    const replaced = await client.replace('/verbs/a', 'three', created.modifiedIndex);
    assert.ok(replaced !== 'changed');
    assert.deepEqual([replaced.createdIndex, replaced.ttlSeconds], [created.createdIndex, undefined]);
    assert.equal(await client.replace('/verbs/a', 'four', created.modifiedIndex), 'changed');
    assert.equal(await client.remove('/verbs/a', created.modifiedIndex), 'changed');
    assert.deepEqual(await client.get('/verbs/a'), replaced);
    assert.equal(await client.remove('/verbs/a', replaced.modifiedIndex), 'removed');
    assert.equal(await client.remove('/verbs/a', replaced.modifiedIndex), 'changed');
    assert.equal(await client.replace('/verbs/a', 'five', replaced.modifiedIndex), 'changed');
    assert.equal(await client.get('/verbs/a'), undefined);
  });

  test('a listing has every key of the tree, and an index not before any of them', async (t) => {
    const client = connect(t, cluster);
    assert.deepEqual((await client.list('/tree')).nodes, []);
    for (const key of ['/tree/a', '/tree/b/c', '/tree/b/d']) await client.create(key, `value of ${key}`);
    const { index, nodes } = await client.list('/tree');
    assert.deepEqual(nodes.map(({ key, value }) => [key, value]).sort(), [
      ['/tree/a', 'value of /tree/a'],
      ['/tree/b/c', 'value of /tree/b/c'],
      ['/tree/b/d', 'value of /tree/b/d'],
    ]);
    assert.ok(nodes.every((node) => node.modifiedIndex <= index));
  });

  test('a value and a key of any text come back as they were', async (t) => {
    const client = connect(t, cluster);
    for (const text of [
      '',
      ' ',
      '\n',
      'a&b=c;d+e%20f#g?h',
      '¡überall 雪!',
      '{"x":"\\u0026"}',
      '10.12.13.0-24&fd00:12:13::-56',
    ]) {
      const key = `/any/${text.trim() === '' ? `blank${text.length}${text.codePointAt(0)}` : text}`;
      assert.notEqual(await client.create(key, text), 'exists');
      assert.equal((await client.get(key))?.value, text);
    }
  });

  test('a directory is made once, and is no key', async (t) => {
    const client = connect(t, cluster);
    assert.equal(await client.makeDirectory('/dir/empty'), 'made');
    assert.equal(await client.makeDirectory('/dir/empty'), 'exists');
    assert.equal((await etcdctl(2, [endpoint], 'ls', '/dir')).out, '/dir/empty\n');
    assert.match((await faultOf(client.get('/dir/empty'))).why ?? '', /is a directory/);
    assert.equal(await client.create('/dir/empty', 'x'), 'exists');
    assert.equal(await client.replace('/dir/empty', 'x', 5), 'changed');
  });

  test('a key below a key is refused in the words of etcd', async (t) => {
    const client = connect(t, cluster);
    await client.create('/leaf', 'x');
    const fault = await faultOf(client.create('/leaf/below', 'x'));
    assert.equal(fault.code, 'etcd.refused');
    assert.match(fault.summary, /etcd refused create "\/leaf\/below".*Not a directory: \/leaf/);
  });

  test('a member can be reached by its unix socket', async (t) => {
    const client = connect(t, { endpoints: cluster.localEndpoints, tls: undefined });
    assert.notEqual(await client.create('/unix', 'x'), 'exists');
  });
});

suite('TLS', () => {
  test('both sides verify each other, and a member of another name is refused', async (t) => {
    const secure = await startCluster(t, 1, { flags: ['--enable-v2=true'] });
    const client = connect(t, secure);
    assert.notEqual(await client.create('/tls', 'x'), 'exists');
    assert.ok(secure.tls !== undefined);
    const { caFile } = secure.tls;
    const stranger = connect(t, { endpoints: secure.endpoints, tls: undefined }, { caFile });
    assert.equal((await faultOf(stranger.get('/tls'))).code, 'etcd.tls.client');
    const unknown = connect(t, { endpoints: secure.endpoints, tls: undefined });
    assert.equal((await faultOf(unknown.get('/tls'))).code, 'etcd.tls.untrusted');
    const wrongName = connect(t, {
      ...secure,
      endpoints: [(secure.endpoints[0] ?? '').replace(/\/\/[^:]+/, '//[::ffff:127.0.0.1]')],
    });
    assert.match((await faultOf(wrongName.get('/tls'))).code, /^etcd\.(tcp|tls\.name)$/);
    const plain = connect(t, {
      endpoints: secure.endpoints.map((url) => url.replace('https', 'http')),
      tls: undefined,
    });
    assert.equal((await faultOf(plain.get('/tls'))).code, 'etcd.tls.handshake');
  });

  test('a CA alone is enough where etcd wants no client certificate', async (t) => {
    const oneWay = await startCluster(t, 1, {
      flags: ['--enable-v2=true', '--client-cert-auth=false', '--trusted-ca-file='],
    });
    assert.ok(oneWay.tls !== undefined);
    const client = connect(t, { endpoints: oneWay.endpoints, tls: undefined }, { caFile: oneWay.tls.caFile });
    assert.notEqual(await client.create('/ca-only', 'x'), 'exists');
  });
});

suite('users', () => {
  test('with the right password the keys of the role can be read, written and watched', async (t) => {
    const guarded = await startV2Cluster(t, 1, { flags: ['--enable-v2=true', '--bcrypt-cost=4'] });
    const type = (...words: string[]) => etcdctl(2, guarded.endpoints, ...words);
    await type('user', 'add', 'root:root-secret');
    await type('user', 'add', 'weft:weft-secret');
    await type('role', 'add', 'weft');
    await type('role', 'grant', 'weft', '--path', '/coreos.com/network/*', '--readwrite');
    await type('user', 'grant', 'weft', '--roles', 'weft');
    await type('auth', 'enable');
    await type('-u', 'root:root-secret', 'role', 'revoke', 'guest', '--path', '/*', '--readwrite');

    const client = connect(t, guarded, { username: 'weft', password: 'weft-secret' });
    const created = await client.create('/coreos.com/network/subnets/a', 'x', 60);
    assert.ok(created !== 'exists');
    assert.equal((await client.list('/coreos.com/network/subnets')).nodes.length, 1);
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      client.watch(
        {
          key: '/coreos.com/network/subnets',
          afterIndex: created.modifiedIndex,
          probeKey: '/coreos.com/network/config',
        },
        { event: ({ type: kind }) => resolve(void seen.push(kind)), lost: () => Promise.reject(new Error('lost')) },
      );
      void client.remove('/coreos.com/network/subnets/a', created.modifiedIndex);
    });
    assert.deepEqual(seen, ['gone']);

    const elsewhere = await faultOf(client.get('/elsewhere'));
    assert.equal(elsewhere.code, 'etcd.auth');
    const wrong = await faultOf(
      connect(t, guarded, { username: 'weft', password: 'wrong-secret' }).get('/coreos.com/network/config'),
    );
    assert.match(wrong.toString(), /etcd refuses the user "weft", the password, or get/);
    assert.doesNotMatch(wrong.toString(), /wrong-secret/);
    assert.match((await faultOf(connect(t, guarded).get('/coreos.com/network/config'))).message, /etcd wants a user/);
  });
});

suite('endpoints that are no etcd v2', () => {
  test('an etcd without --enable-v2 is told apart, with the remedy', async (t) => {
    const v3Only = await startCluster(t, 1, { tls: false });
    const fault = await faultOf(connect(t, v3Only).get('/a'));
    assert.equal(fault.code, 'etcd.protocol');
    assert.match(fault.toString(), /serves no \/v2\/keys\n +remedy: start etcd with --enable-v2=true/);
  });

  const json = { 'content-type': 'application/json', 'x-etcd-cluster-id': 'cafe', 'x-etcd-index': '7' };
  const cases: readonly (readonly [sentence: string, answer: RequestListener, reason: RegExp])[] = [
    [
      'a web server',
      (_, to) => to.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
      /status 200 and text\/html/,
    ],
    ['no JSON', (_, to) => to.writeHead(200, json).end('{"node":'), /not valid JSON/],
    ['JSON of another shape', (_, to) => to.writeHead(200, json).end('{"node":{"key":7}}'), /key of a node is no text/],
    ['an error without a code', (_, to) => to.writeHead(500, json).end('{}'), /HTTP status 500/],
    ['an index that is none', (_, to) => to.writeHead(200, { ...json, 'x-etcd-index': 'x' }).end('{}'), /X-Etcd-Index/],
    [
      'a cluster id that is none',
      (_, to) => to.writeHead(200, { ...json, 'x-etcd-cluster-id': '-' }).end('{}'),
      /status 200/,
    ],
    ['another protocol', (from) => void from.socket.end('SSH-2.0-OpenSSH_9.2p1\r\n'), /does not speak HTTP/],
    [
      'half an answer',
      (from, to) => void to.writeHead(200, { ...json, 'content-length': '99' }).write('{', () => from.socket.destroy()),
      /lost/,
    ],
  ];
  for (const [sentence, answer, reason] of cases) {
    test(`${sentence} is a fault that says so`, async (t) => {
      const url = await serve(t, answer);
      const fault = await faultOf(connect(t, { endpoints: [url], tls: undefined }, { timeoutMs: 1000 }).get('/a'));
      assert.match(`${fault.summary} ${fault.why}`, reason);
      assert.equal(fault.where, url);
    });
  }

  test('an answer without end is given up before it fills the memory', async (t) => {
    const chunk = Buffer.alloc(1024 * 1024, '[');
    const url = await serve(t, (_, to) => {
      to.writeHead(200, json);
      const more = (): void => {
        while (to.writable && to.write(chunk));
      };
      to.on('drain', more);
      more();
    });
    const fault = await faultOf(connect(t, { endpoints: [url], tls: undefined }, { timeoutMs: 20_000 }).list('/a'));
    assert.match(fault.why ?? '', /longer than 67108864 bytes/);
  });

  test('one that never answers is given up in time, and another one serves', async (t) => {
    const url = await serve(t, () => {});
    const only = connect(t, { endpoints: [url], tls: undefined }, { timeoutMs: 200 });
    assert.equal((await faultOf(only.get('/a'))).code, 'etcd.timeout');
    assert.match((await faultOf(only.create('/a', 'x'))).why ?? '', /may have been done or not/);
    await keyboard.set('/served', 'yes');
    for (let attempt = 0; attempt < 4; attempt++) {
      const both = connect(t, { endpoints: [url, endpoint], tls: undefined }, { timeoutMs: 1000 });
      assert.equal((await both.get('/served'))?.value, 'yes');
    }
  });

  test('a closed client says so', async () => {
    const client = connectEtcdV2({ endpoints: [endpoint] });
    client.close();
    assert.match((await faultOf(client.get('/a'))).message, /client is closed/);
  });
});

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return `http://127.0.0.1:${address.port}`;
}
