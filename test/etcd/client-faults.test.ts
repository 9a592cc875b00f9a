/** What the etcd client says when it cannot get through: every message, word for word, against real servers. */
import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { EtcdOptions } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import { type Authority, createAuthority } from '#pki/authority.ts';
import { type CertificateFiles, writeCertificate } from '#pki/files.ts';
import { Fault } from '#runtime/fault.ts';
import { faultOf, startCluster, temporaryDirectory } from './client-fixture.ts';

const directory = await temporaryDirectory({ after });
const authority = await createAuthority({ commonName: 'test CA' });
const stranger = await createAuthority({ commonName: 'another CA' });
const caFile = join(directory, 'ca.pem');
await writeFile(caFile, authority.certificate);
const strangerFile = join(directory, 'stranger.pem');
await writeFile(strangerFile, stranger.certificate);

const etcd = await startCluster({ after }, 1, { authority });
const plainEtcd = await startCluster({ after }, 1, { tls: false });
const [endpoint = ''] = etcd.endpoints;
const [plainEndpoint = ''] = plainEtcd.endpoints;
assert.ok(etcd.tls !== undefined);
const { certFile, keyFile } = etcd.tls;

/** The fault that a read ends with. */
async function faultWith(options: EtcdOptions): Promise<Fault> {
  const client = connectEtcd({ timeoutMs: 2_000, ...options });
  try {
    return await faultOf(client.range({ key: '/' }));
  } finally {
    client.close();
  }
}

function assertText(fault: Fault, lines: readonly string[]): void {
  assert.deepEqual(fault.toString().split('\n'), lines);
}

async function clientFiles(signer: Authority, name: string, dates: object = {}): Promise<CertificateFiles> {
  const keyed = await signer.issue({ commonName: name, hosts: [], usages: ['client'], ...dates });
  return writeCertificate(directory, name, keyed);
}

/** Listens on a free port of 127.0.0.1 until the test ends. */
async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

/** A TLS server of the test's own with a certificate for these names. */
async function listenTls(t: TestContext, hosts: readonly string[], dates: object = {}): Promise<number> {
  const leaf = await authority.issue({ commonName: 'other server', hosts, usages: ['server'], ...dates });
  return listen(t, createTlsServer({ cert: leaf.certificate, key: leaf.key, ALPNProtocols: ['h2'] }));
}

test('a name that does not resolve', async () => {
  assertText(await faultWith({ endpoints: ['https://etcd.invalid:2379'], caFile }), [
    'error: the name etcd.invalid does not resolve',
    '  where:  https://etcd.invalid:2379',
    '  why:    there is no such name',
    '  remedy: check the host name in the endpoint and the resolver',
    '  code:   etcd.dns',
  ]);
});

test('a port on which nothing listens', async () => {
  assertText(await faultWith({ endpoints: ['http://127.0.0.1:1'] }), [
    'error: cannot connect to etcd',
    '  where:  http://127.0.0.1:1',
    '  why:    connection refused: nothing listens there',
    '  remedy: check that etcd runs there, the port, and firewalls between',
    '  code:   etcd.tcp',
  ]);
});

test('several endpoints of which none answers', async () => {
  const fault = await faultWith({ endpoints: ['http://127.0.0.1:1', 'http://127.0.0.1:2'] });
  assert.equal(fault.code, 'etcd.tcp');
  const [first, second] = fault.where === 'http://127.0.0.1:1' ? [1, 2] : [2, 1];
  assertText(fault, [
    'error: cannot connect to etcd',
    `  where:  http://127.0.0.1:${first}`,
    '  why:    connection refused: nothing listens there; no other endpoint served it either: ' +
      `http://127.0.0.1:${second}: connection refused: nothing listens there`,
    '  remedy: check that etcd runs there, the port, and firewalls between',
    '  code:   etcd.tcp',
  ]);
});

test('a server that takes the connection and then keeps silent', async (t) => {
  const silent = createServer(() => {});
  const port = await listen(t, silent);
  const fault = await faultWith({ endpoints: [`https://127.0.0.1:${port}`], caFile, timeoutMs: 300 });
  assert.equal(fault.code, 'etcd.timeout');
  assert.equal(fault.where, `https://127.0.0.1:${port}`);
  assert.match(fault.message, /^no (connection to etcd|TLS handshake) within (300|299) ms$/);
});

test('a server certificate by a CA that is not in the CA file', async () => {
  assertText(await faultWith({ endpoints: [endpoint], caFile: strangerFile, certFile, keyFile }), [
    'error: etcd\'s certificate "m1" is not signed by a trusted CA',
    `  where:  ${endpoint}`,
    `  why:    it is signed by "test CA", which ${strangerFile} does not hold (UNABLE_TO_VERIFY_LEAF_SIGNATURE)`,
    '  remedy: give the CA that signed the etcd server certificates (-etcd-cafile)',
    '  code:   etcd.tls.untrusted',
  ]);
});

test('a server certificate for other names than the one in the endpoint', async (t) => {
  const port = await listenTls(t, ['etcd.example', '10.9.8.7']);
  assertText(await faultWith({ endpoints: [`https://127.0.0.1:${port}`], caFile }), [
    "error: etcd's certificate is not for 127.0.0.1",
    `  where:  https://127.0.0.1:${port}`,
    '  why:    it is for etcd.example, 10.9.8.7',
    '  remedy: use an endpoint that is among its names, or issue a certificate that has this one',
    '  code:   etcd.tls.name',
  ]);
});

test('a server certificate that has expired', async (t) => {
  const dates = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2021-01-01T00:00:00Z') };
  const port = await listenTls(t, ['127.0.0.1'], dates);
  const fault = await faultWith({ endpoints: [`https://127.0.0.1:${port}`], caFile });
  assert.equal(fault.code, 'etcd.tls.expired');
  assert.equal(fault.message, 'etcd\'s certificate "other server" expired on 2021-01-01T00:00:00.000Z');
  assert.match(fault.why ?? '', /^it is now 20\d\d-/);
});

test('a server certificate that is not valid yet', async (t) => {
  const dates = { notBefore: new Date('2090-01-01T00:00:00Z'), notAfter: new Date('2091-01-01T00:00:00Z') };
  const port = await listenTls(t, ['127.0.0.1'], dates);
  const fault = await faultWith({ endpoints: [`https://127.0.0.1:${port}`], caFile });
  assert.equal(fault.code, 'etcd.tls.expired');
  assert.equal(fault.message, 'etcd\'s certificate "other server" is not valid before 2090-01-01T00:00:00.000Z');
});

test('an own client certificate that has expired is found before etcd is asked', async () => {
  const dates = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2021-01-01T00:00:00Z') };
  const files = await clientFiles(authority, 'expired', dates);
  const fault = await faultWith({ endpoints: ['https://127.0.0.1:1'], caFile, ...files });
  assert.equal(fault.code, 'etcd.tls.expired');
  assert.equal(fault.message, 'the client certificate "expired" expired on 2021-01-01T00:00:00.000Z');
  assert.equal(fault.where, files.certFile);
});

test('no client certificate where etcd wants one', async () => {
  assertText(await faultWith({ endpoints: [endpoint], caFile }), [
    'error: etcd wants a client certificate',
    `  where:  ${endpoint}`,
    '  why:    none is given',
    '  remedy: give a client certificate and key signed by the CA that etcd trusts',
    '  code:   etcd.tls.client',
  ]);
});

test('a client certificate by a CA that etcd does not trust', async () => {
  const files = await clientFiles(stranger, 'strange-client');
  assertText(await faultWith({ endpoints: [endpoint], caFile, ...files }), [
    'error: etcd refuses the client certificate',
    `  where:  ${endpoint}`,
    '  why:    it is not signed by the CA that etcd trusts, or not for client use',
    '  remedy: give a client certificate and key signed by the CA that etcd trusts',
    '  code:   etcd.tls.client',
  ]);
});

test('https to an etcd that speaks plain http', async () => {
  const url = plainEndpoint.replace('http:', 'https:');
  assertText(await faultWith({ endpoints: [url], caFile }), [
    'error: etcd ended the connection during the TLS handshake',
    `  where:  ${url}`,
    '  why:    most likely it is a plain http:// endpoint, or it is stopping',
    `  remedy: try ${plainEndpoint}, or give etcd a certificate`,
    '  code:   etcd.tls.handshake',
  ]);
});

test('https to a web server that speaks plain http', async (t) => {
  const port = await listen(
    t,
    createHttpServer((_request, response) => response.end('hello')),
  );
  assertText(await faultWith({ endpoints: [`https://127.0.0.1:${port}`], caFile }), [
    'error: etcd does not speak TLS',
    `  where:  https://127.0.0.1:${port}`,
    '  why:    it is most likely a plain http:// endpoint',
    `  remedy: try http://127.0.0.1:${port}, or give etcd a certificate`,
    '  code:   etcd.tls.handshake',
  ]);
});

test('http to an etcd that speaks TLS', async () => {
  const url = endpoint.replace('https:', 'http:');
  assertText(await faultWith({ endpoints: [url] }), [
    'error: the endpoint does not speak HTTP/2 in the clear',
    `  where:  ${url}`,
    '  why:    it closed the connection or sent something else; most likely it speaks TLS',
    `  remedy: use ${endpoint}, or give an etcd v3 client URL`,
    '  code:   etcd.tls.handshake',
  ]);
});

test('http to a web server that knows no HTTP/2', async (t) => {
  const port = await listen(
    t,
    createHttpServer((_request, response) => response.end('hello')),
  );
  const fault = await faultWith({ endpoints: [`http://127.0.0.1:${port}`] });
  assert.equal(fault.code, 'etcd.tls.handshake');
});

test('https to a server that knows no HTTP/2', async (t) => {
  const leaf = await authority.issue({ commonName: 'web', hosts: ['127.0.0.1'], usages: ['server'] });
  const port = await listen(t, createTlsServer({ cert: leaf.certificate, key: leaf.key }));
  assertText(await faultWith({ endpoints: [`https://127.0.0.1:${port}`], caFile }), [
    'error: the endpoint does not answer as etcd v3 does',
    `  where:  https://127.0.0.1:${port}`,
    '  why:    it speaks TLS, but not HTTP/2',
    '  remedy: check that the endpoint is an etcd v3 client URL',
    '  code:   etcd.protocol',
  ]);
});

test('files that are missing, not PEM, empty, encrypted or do not fit', async () => {
  const endpoints = [endpoint];
  const missing = join(directory, 'missing.pem');
  const text = join(directory, 'text.pem');
  await writeFile(text, 'hello');
  const garbage = join(directory, 'garbage.pem');
  await writeFile(garbage, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const empty = join(directory, 'empty.pem');
  await writeFile(empty, '');
  const encrypted = join(directory, 'encrypted.pem');
  await writeFile(encrypted, '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n');
  const other = await clientFiles(authority, 'other');
  const cases: [Omit<EtcdOptions, 'endpoints'>, string][] = [
    [{ caFile: missing }, `the CA cannot be read (${missing}): no such file`],
    [{ caFile: directory }, `the CA cannot be read (${directory}): it is a directory`],
    [{ caFile: text }, `the CA does not hold a certificate in PEM form (${text}): it has no such PEM block`],
    [{ caFile: garbage }, `the CA does not hold a readable certificate (${garbage})`],
    [
      { caFile, certFile: empty, keyFile },
      `the client certificate does not hold a certificate in PEM form (${empty}): it is empty`,
    ],
    [
      { caFile, certFile, keyFile: certFile },
      `the client key does not hold a private key in PEM form (${certFile}): it has no such PEM block`,
    ],
    [{ caFile, certFile, keyFile: encrypted }, `the client key is encrypted with a passphrase (${encrypted})`],
    [{ caFile, certFile }, 'a client certificate is given, but no client key'],
    [{ caFile, keyFile }, 'a client key is given, but no client certificate'],
    [
      { caFile, certFile, keyFile: other.keyFile },
      `the client key does not belong to the client certificate (${certFile}, ${other.keyFile})`,
    ],
  ];
  for (const [options, summary] of cases) {
    const fault = await faultWith({ endpoints, ...options });
    assert.equal(fault.code, 'etcd.tls.file');
    assert.equal(fault.summary, summary);
  }
  await chmod(text, 0o600);
});

test('an endpoint that is no URL is refused at once', () => {
  const cases: [string, string][] = [
    ['10.0.0.1:2379', 'endpoint "10.0.0.1:2379" has no http:// or https:// in front'],
    ['', 'endpoint "" is empty'],
    ['ftp://a', 'endpoint "ftp://a" has the scheme ftp://'],
    ['https://a:2379/v2', 'endpoint "https://a:2379/v2" has a path'],
    ['https://me:secret@a:2379', 'endpoint "https://…" holds a user or a password'],
    ['https://a:99999', 'endpoint "https://a:99999" is not a URL'],
  ];
  for (const [given, message] of cases) {
    assert.throws(
      () => connectEtcd({ endpoints: [given] }),
      (error) => error instanceof Fault && error.code === 'usage.flag' && error.message === message,
    );
  }
});

test('an etcd that is not there at first is reached by a later call of the same client', async (t) => {
  const late = createServer();
  const port = await listen(t, late);
  await new Promise((resolve) => late.close(resolve));
  const client = connectEtcd({ endpoints: [`http://127.0.0.1:${port}`] });
  t.after(() => client.close());
  assert.equal((await faultOf(client.range({ key: '/' }))).code, 'etcd.tcp');
  const target = new URL(plainEndpoint);
  const { connect } = await import('node:net');
  const relay = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(port, '127.0.0.1', resolve));
  t.after(() => {
    client.close();
    relay.close();
  });
  assert.equal((await client.range({ key: '/nothing' })).count, 0);
});
