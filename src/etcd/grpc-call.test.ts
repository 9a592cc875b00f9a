/** gRPC calls against an HTTP/2 server of the test's own, which answers what no etcd would. */
import assert from 'node:assert/strict';
import { createServer, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import type { Etcd, WatchEvent } from './api.ts';
import { connectEtcd } from './client.ts';
import { frameMessage } from './grpc-frames.ts';
import { encoded, type ProtobufWriter } from './protobuf-writer.ts';

/** A client of a server that answers each call as `answer` does. */
async function clientOf(t: TestContext, answer: (stream: ServerHttp2Stream, path: string) => void): Promise<Etcd> {
  const server = createServer();
  const sessions = new Set<Http2Session>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    answer(stream, String(headers[':path']));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const client = connectEtcd({ endpoints: [`http://127.0.0.1:${address.port}`], timeoutMs: 1_000 });
  t.after(() => {
    client.close();
    for (const session of sessions) session.destroy();
    server.close();
  });
  return client;
}

const OK = { ':status': 200, 'content-type': 'application/grpc' };

function sendTrailers(stream: ServerHttp2Stream, trailers: Record<string, string>): void {
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end();
}

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Fault, String(error));
  return error;
}

const put = { key: '/a', value: '1' };
const answered = frameMessage(encoded((writer) => writer.message(1, (header) => header.integer(3, 42))));

test('an answer whose frame comes byte by byte is read', async (t) => {
  const client = await clientOf(t, (stream) => {
    stream.respond(OK, { waitForTrailers: true });
    for (const byte of answered) stream.write(Buffer.from([byte]));
    sendTrailers(stream, { 'grpc-status': '0' });
  });
  assert.deepEqual(await client.put(put), { revision: 42 });
});

test('a refusal in the headers alone is read, with its percent-encoded message', async (t) => {
  const client = await clientOf(t, (stream) => {
    stream.respond({ ...OK, 'grpc-status': '9', 'grpc-message': 'not %22now%22 100%25' }, { endStream: true });
  });
  const fault = await faultOf(client.put(put));
  assert.equal(fault.code, 'etcd.refused');
  assert.equal(fault.why, 'etcd says: not "now" 100% (gRPC code 9)');
});

test('a message that is not valid percent-encoding is shown as it is', async (t) => {
  const client = await clientOf(t, (stream) => {
    stream.respond({ ...OK, 'grpc-status': '9', 'grpc-message': '100%' }, { endStream: true });
  });
  assert.equal((await faultOf(client.put(put))).why, 'etcd says: 100% (gRPC code 9)');
});

test('a web page in place of an answer is a fault that says what came', async (t) => {
  const client = await clientOf(t, (stream) => {
    stream.respond({ ':status': 404, 'content-type': 'text/html' });
    stream.end('<html>');
  });
  const fault = await faultOf(client.range({ key: '/a' }));
  assert.equal(fault.code, 'etcd.protocol');
  assert.equal(fault.why, 'it answers with HTTP status 404 and content type text/html');
});

test('status OK without an answer, and an answer that is cut off, are faults', async (t) => {
  for (const body of [Buffer.alloc(0), answered.subarray(0, 7)]) {
    const client = await clientOf(t, (stream) => {
      stream.respond(OK, { waitForTrailers: true });
      stream.write(body);
      sendTrailers(stream, { 'grpc-status': '0' });
    });
    assert.equal((await faultOf(client.put(put))).code, 'etcd.protocol');
  }
});

test('garbage in place of a message is a fault and harms no later call', async (t) => {
  let calls = 0;
  const client = await clientOf(t, (stream) => {
    stream.respond(OK, { waitForTrailers: true });
    stream.write(++calls === 1 ? Buffer.from('ff0000000011', 'hex') : answered);
    sendTrailers(stream, { 'grpc-status': '0' });
  });
  assert.equal((await faultOf(client.put(put))).code, 'etcd.protocol');
  assert.deepEqual(await client.put(put), { revision: 42 });
});

test('an answer that does not come ends in a time-out', async (t) => {
  const client = await clientOf(t, () => {});
  const fault = await faultOf(client.put(put));
  assert.equal(fault.code, 'etcd.timeout');
  assert.match(fault.message, /^etcd did not answer put "\/a" within \d+ ms$/);
});

test('a write whose stream broke is not repeated', async (t) => {
  let puts = 0;
  const client = await clientOf(t, (stream, path) => {
    if (path === '/etcdserverpb.KV/Put') puts++;
    stream.close(2);
  });
  const fault = await faultOf(client.put(put));
  assert.equal(fault.code, 'etcd.tcp');
  assert.match(fault.why ?? '', /put "\/a" may have been done or not$/);
  assert.equal(puts, 1);
});

function watchAnswer(write: (writer: ProtobufWriter) => void): Buffer {
  return frameMessage(encoded((writer) => write(writer.message(1, (header) => header.integer(3, 9).integer(4, 2)))));
}

function event(writer: ProtobufWriter, key: string, modRevision: number): void {
  writer.message(11, (inner) => inner.message(2, (kv) => kv.text(1, key).integer(3, modRevision)));
}

test('the fragments of a watch answer are one batch, and the header may be ahead of the events', async (t) => {
  const asked: Buffer[] = [];
  const client = await clientOf(t, (stream) => {
    stream.respond(OK);
    stream.on('data', (chunk: Buffer) => asked.push(chunk));
    if (asked.length > 0) return;
    stream.write(watchAnswer((writer) => writer.boolean(3, true)));
    for (const revision of [5, 6]) {
      stream.write(
        watchAnswer((writer) => {
          writer.boolean(7, revision === 5);
          event(writer, `/${revision}`, revision);
        }),
      );
    }
    setTimeout(() => stream.close(2), 50);
  });
  const batches: WatchEvent[][] = [];
  const seen: number[] = [];
  client.watch(
    { key: '/', rangeEnd: '0', startRevision: 5 },
    {
      events: (events, revision) => {
        batches.push([...events]);
        seen.push(revision);
      },
      lost: () => Promise.reject(new Error('not lost')),
    },
  );
  while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual([batches.map((batch) => batch.length), seen], [[2], [6]]);
  // create_request { key "/", range_end "0", start_revision 7, progress_notify, fragment }
  assert.equal(asked[1]?.subarray(5).toString('hex'), '0a0c' + '0a012f' + '120130' + '1807' + '2001' + '4001');
});
