import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { type HealthServer, startHealthServer } from './health-server.ts';

interface Answer {
  readonly code: number | undefined;
  readonly body: string;
}

async function started(t: TestContext, ready: () => boolean = () => true): Promise<HealthServer> {
  const server = await startHealthServer({ ip: '127.0.0.1', port: 0, ready });
  t.after(() => server.close());
  return server;
}

function ask({ port }: HealthServer, path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ code: response.statusCode, body }));
    });
    asked.on('error', reject).end(method === 'POST' ? 'x'.repeat(100_000) : undefined);
  });
}

test('health is told from the start, readiness when it is there', async (t) => {
  let ready = false;
  const server = await started(t, () => ready);
  assert.deepEqual(await ask(server, '/healthz'), { code: 200, body: 'flanneld is running' });
  assert.deepEqual(await ask(server, '/readyz'), { code: 503, body: 'flanneld is not ready yet' });
  ready = true;
  assert.deepEqual(await ask(server, '/readyz'), { code: 200, body: 'flanneld is ready' });
});

suite('a request', () => {
  for (const [method, path, code, body] of [
    ['POST', '/healthz', 200, 'flanneld is running'],
    ['DELETE', '/readyz?verbose', 200, 'flanneld is ready'],
    ['HEAD', '/healthz', 200, ''],
    ['GET', '/', 404, '404 page not found\n'],
    ['GET', '/healthz/', 404, '404 page not found\n'],
    ['GET', '/metrics', 404, '404 page not found\n'],
  ] as const) {
    test(`${method} ${path} is answered with ${code}`, async (t) => {
      assert.deepEqual(await ask(await started(t), path, method), { code, body });
    });
  }
});

test('metrics are told as Prometheus wants them, once there is something to tell', async (t) => {
  let text: string | undefined;
  const server = await startHealthServer({ ip: '127.0.0.1', port: 0, ready: () => true, metrics: async () => text });
  t.after(() => server.close());
  assert.deepEqual(await ask(server, '/metrics'), { code: 503, body: 'nothing to tell yet\n' });
  text = 'a{l="ü"} 1\n';
  assert.deepEqual(await ask(server, '/metrics'), { code: 200, body: text });
  const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`);
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  await answer.text();
});

test('metrics that fail are an answer too, and the rest goes on', async (t) => {
  const metrics = () => Promise.reject(new TypeError('x is not a function'));
  const server = await startHealthServer({ ip: '127.0.0.1', port: 0, ready: () => true, metrics });
  t.after(() => server.close());
  assert.deepEqual(await ask(server, '/metrics'), { code: 500, body: 'TypeError: x is not a function\n' });
  assert.equal((await ask(server, '/readyz')).code, 200);
});

test('a port that is taken is a fault that names the flags and ends the program with 1', async (t) => {
  const { port } = await started(t);
  await assert.rejects(startHealthServer({ ip: '127.0.0.1', port, ready: () => true }), {
    code: 'host.health-port',
    exitCode: 1,
    where: `-healthz-ip 127.0.0.1 -healthz-port ${port}`,
    why: /EADDRINUSE/,
  });
});

test('an address that this host does not have is the same fault', async () => {
  const server = startHealthServer({ ip: '192.0.2.1', port: 0, ready: () => true });
  await assert.rejects(server, { code: 'host.health-port', why: /EADDRNOTAVAIL/ });
});

suite('closing', () => {
  /** A client that has sent that much, and how long the server then takes to close. */
  async function closingTime(sent: string, graceMs: number): Promise<number> {
    const server = await startHealthServer({ ip: '127.0.0.1', port: 0, ready: () => true, graceMs });
    const client = connect(server.port, '127.0.0.1');
    client.on('error', () => undefined);
    client.write(sent);
    // An unfinished request is not answered: it is on the server when the answer to a later one is.
    if (sent.endsWith('\r\n\r\n')) await once(client, 'data');
    else await ask(server, '/healthz');
    const before = performance.now();
    await Promise.all([server.close(), once(client, 'close')]);
    return performance.now() - before;
  }

  test('ends a connection that is kept alive at once', async () => {
    assert((await closingTime('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n', 10_000)) < 5000);
  });

  test('waits for a request under way, but no longer than the grace', async () => {
    const took = await closingTime('GET /healthz HTTP/1.1\r\n', 200);
    assert(took >= 190 && took < 5000, `${took} ms`);
  });
});
