/** What the Kubernetes client says when it cannot get through, and as whom it comes: word for word, against real servers. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import type { KubeAccess } from '#kube/access.ts';
import type { KubeApi } from '#kube/api.ts';
import { connectKube } from '#kube/client.ts';
import { openAccess } from '#kube/open-access.ts';
import { createAuthority } from '#pki/authority.ts';
import { writeCertificate } from '#pki/files.ts';
import type { Fault } from '#runtime/fault.ts';
import { faultOf, openStore, temporaryDirectory } from './kube-fixture.ts';
import { nodeObject } from './kube-objects.ts';
import { KubeServer } from './kube-server.ts';

const directory = temporaryDirectory({ after });
const authority = await createAuthority({ commonName: 'kubernetes' });
const stranger = await createAuthority({ commonName: 'another CA' });
const caFile = join(directory, 'ca.crt');
const strangerFile = join(directory, 'other-ca.crt');
writeFileSync(caFile, authority.certificate);
writeFileSync(strangerFile, stranger.certificate);
const TRUSTED = { ca: { path: caFile } };

function connect(t: TestContext, access: KubeAccess): KubeApi {
  const client = connectKube(access, { timeoutMs: 1_000 });
  t.after(() => client.close());
  return client;
}

function faultWith(t: TestContext, access: KubeAccess): Promise<Fault> {
  return faultOf(connect(t, access).getNode('host1'));
}

async function startTls(
  t: TestContext,
  hosts: readonly string[] = ['127.0.0.1'],
  dates: object = {},
): Promise<KubeServer> {
  const leaf = await authority.issue({ commonName: 'kube-apiserver', hosts, usages: ['server'], ...dates });
  const server = await KubeServer.start(t, {
    tls: { cert: leaf.certificate, key: leaf.key, ca: authority.certificate },
  });
  server.put(nodeObject('host1', { podCidrs: ['10.244.1.0/24'] }));
  return server;
}

function assertText(fault: Fault, lines: readonly string[]): void {
  assert.deepEqual(fault.toString().split('\n'), lines);
}

test('a name that does not resolve', async (t) => {
  assertText(await faultWith(t, { url: 'https://kube.invalid:6443', tls: {} }), [
    'error: the name kube.invalid does not resolve',
    '  where:  https://kube.invalid:6443',
    '  why:    there is no such name',
    '  remedy: check the host name in the URL and the resolver',
    '  code:   kube.dns',
  ]);
});

test('a port on which nothing listens', async (t) => {
  assertText(await faultWith(t, { url: 'https://127.0.0.1:1', tls: {} }), [
    'error: cannot connect to the API server',
    '  where:  https://127.0.0.1:1',
    '  why:    connection refused: nothing listens there',
    '  remedy: check that it runs there, the port, and firewalls between; in a Pod: kube-proxy on this host',
    '  code:   kube.tcp',
  ]);
});

test('a certificate of an unknown CA, and nothing is sent to that server', async (t) => {
  const server = await startTls(t);
  const fault = await faultWith(t, {
    url: server.url,
    tls: { ca: { path: strangerFile } },
    token: { token: 'secret' },
  });
  assertText(fault, [
    'error: the API server\'s certificate "kube-apiserver" is not signed by a trusted CA',
    `  where:  ${server.url}`,
    `  why:    it is signed by "kubernetes", which ${strangerFile} does not hold (SELF_SIGNED_CERT_IN_CHAIN)`,
    '  remedy: give the CA of the cluster (certificate-authority in the kubeconfig, ca.crt of the service account)',
    '  code:   kube.tls.untrusted',
  ]);
  assert.deepEqual(server.requests, []);
});

test('a certificate for another name, unless tls-server-name says so', async (t) => {
  const server = await startTls(t, ['kubernetes.default.svc', '10.96.0.1']);
  assertText(await faultWith(t, { url: server.url, tls: TRUSTED }), [
    "error: the API server's certificate is not for 127.0.0.1",
    `  where:  ${server.url}`,
    '  why:    it is for kubernetes.default.svc, 10.96.0.1',
    '  remedy: use a URL that is among its names, or set tls-server-name in the kubeconfig',
    '  code:   kube.tls.name',
  ]);
  const client = connect(t, { url: server.url, tls: { ...TRUSTED, serverName: 'kubernetes.default.svc' } });
  assert.equal((await client.getNode('host1')).name, 'host1');
});

test('an expired certificate of the server, and of ours', async (t) => {
  const notBefore = new Date('2020-01-01T00:00:00Z');
  const notAfter = new Date('2021-01-01T00:00:00Z');
  const expired = await startTls(t, ['127.0.0.1'], { notBefore, notAfter });
  const fault = await faultWith(t, { url: expired.url, tls: TRUSTED });
  assert.equal(fault.code, 'kube.tls.expired');
  assert.equal(fault.message, 'the API server\'s certificate "kube-apiserver" expired on 2021-01-01T00:00:00.000Z');
  const server = await startTls(t);
  const old = await authority.issue({ commonName: 'host1', hosts: [], usages: ['client'], notBefore, notAfter });
  const { certFile, keyFile } = await writeCertificate(directory, 'old', old);
  const own = await faultWith(t, {
    url: server.url,
    tls: { ...TRUSTED, certificate: { path: certFile }, key: { path: keyFile } },
  });
  assert.equal(
    own.summary.slice(0, own.summary.indexOf(': it is now')),
    `the client certificate "host1" expired on 2021-01-01T00:00:00.000Z (${certFile})`,
  );
});

test('certificate verification can be turned off', async (t) => {
  const server = await startTls(t, ['nobody']);
  const client = connect(t, { url: server.url, tls: { insecure: true } });
  assert.equal((await client.getNode('host1')).name, 'host1');
});

test('a plain server for an https URL, and a TLS server for an http one', async (t) => {
  const plain = await KubeServer.start(t);
  const fault = await faultWith(t, { url: plain.url.replace('http:', 'https:'), tls: TRUSTED });
  assert.equal(fault.code, 'kube.tls.handshake');
  assert.equal(fault.message, 'the API server does not speak TLS');
  const tls = await startTls(t);
  const other = await faultWith(t, { url: tls.url.replace('https:', 'http:'), tls: {} });
  assert.ok(other.code === 'kube.tcp' || other.code === 'kube.protocol', other.code);
});

test('a certificate and a key that do not belong together', async (t) => {
  const server = await startTls(t);
  const [one, two] = await Promise.all(
    ['one', 'two'].map((commonName) => authority.issue({ commonName, hosts: [], usages: ['client'] })),
  );
  const tls = {
    ...TRUSTED,
    certificate: { pem: one?.certificate ?? '', from: 'client-certificate-data' },
    key: { pem: two?.key ?? '', from: 'client-key-data' },
  };
  const fault = await faultWith(t, { url: server.url, tls });
  assert.equal(fault.code, 'kube.tls.file');
  assert.equal(
    fault.summary,
    'the client key does not belong to the client certificate (client-certificate-data, client-key-data)',
  );
});

test('a wrong token, and no token at all', async (t) => {
  const server = await startTls(t);
  server.token = 'right';
  assertText(await faultWith(t, { url: server.url, tls: TRUSTED, token: { token: 'wrong' } }), [
    'error: the API server does not know us',
    `  where:  ${server.url}`,
    '  why:    the API server says: Unauthorized (401)',
    '  remedy: check that the token or the client certificate is of this cluster and not expired',
    '  code:   kube.unauthorized',
  ]);
  assert.equal((await faultWith(t, { url: server.url, tls: TRUSTED })).code, 'kube.unauthorized');
});

test('a token in a file is read anew for each request', async (t) => {
  const server = await startTls(t);
  const path = join(directory, 'token');
  writeFileSync(path, 'first\n');
  server.token = 'first';
  const client = connect(t, { url: server.url, tls: TRUSTED, token: { path } });
  await client.getNode('host1');
  server.token = 'second';
  assert.equal((await faultOf(client.getNode('host1'))).code, 'kube.unauthorized');
  writeFileSync(path, 'second');
  await client.getNode('host1');
  writeFileSync(path, 'a\r\nX-Evil: 1');
  const fault = await faultOf(client.getNode('host1'));
  assert.equal(fault.summary, `the token is empty or holds other characters than a token may (${path})`);
});

test('a right that is missing is named with verb and resource', async (t) => {
  const server = await startTls(t);
  const message =
    'nodes "host1" is forbidden: User "system:serviceaccount:kube-flannel:flannel" cannot patch resource "nodes/status" in API group "" at the cluster scope';
  server.refuse = (line) => (line.startsWith('PATCH') ? { code: 403, reason: 'Forbidden', message } : undefined);
  const client = connect(t, { url: server.url, tls: TRUSTED });
  assertText(await faultOf(client.patchNodeStatus('host1', {})), [
    'error: the API server does not permit: patch nodes/status "host1"',
    `  where:  ${server.url}`,
    `  why:    the API server says: ${message} (403)`,
    '  remedy: give the service account the rights of the flannel manifest: pods get; nodes get, list, watch; nodes/status patch',
    '  code:   kube.forbidden',
  ]);
});

test('a node that is not there', async (t) => {
  const server = await startTls(t);
  const fault = await faultOf(connect(t, { url: server.url, tls: TRUSTED }).getNode('host/9'));
  assertText(fault, [
    'error: there is no node "host/9"',
    `  where:  ${server.url}`,
    '  remedy: check NODE_NAME: it must be one that kubectl get nodes shows',
    '  code:   kube.not-found',
  ]);
  assert.equal(server.requests.at(-1), 'GET /api/v1/nodes/host%2F9');
});

test('a server that is busy is asked again when it says', async (t) => {
  const server = await startTls(t);
  let busy = 1;
  server.refuse = () =>
    busy-- > 0 ? { code: 429, reason: 'TooManyRequests', message: 'please try again later' } : undefined;
  assert.equal((await connect(t, { url: server.url, tls: TRUSTED }).getNode('host1')).name, 'host1');
  assert.equal(server.requests.length, 2);
});

test('a server that does not answer, and one that is no API server', async (t) => {
  const server = await startTls(t);
  server.frozen = true;
  const fault = await faultWith(t, { url: server.url, tls: TRUSTED });
  assert.equal(fault.summary, `no answer to get nodes "host1" within 1000 ms (${server.url})`);
  const page = createServer((socket) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>');
  });
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
  t.after(() => void page.close());
  const address = page.address();
  assert.ok(address !== null && typeof address === 'object');
  const other = await faultWith(t, { url: `http://127.0.0.1:${address.port}`, tls: {} });
  assert.equal(other.code, 'kube.protocol');
});

test('a connection that the server closed while it was idle is replaced unnoticed', async (t) => {
  const server = await startTls(t);
  const client = connect(t, { url: server.url, tls: TRUSTED });
  for (let round = 0; round < 5; round += 1) {
    await client.getNode('host1');
    server.cut();
  }
});

test('a path in the URL comes before every request', async (t) => {
  const server = await startTls(t);
  const client = connect(t, { url: `${server.url}/k8s/clusters/c-1`, tls: TRUSTED });
  await faultOf(client.getNode('host1'));
  assert.equal(server.requests.at(-1), 'GET /k8s/clusters/c-1/api/v1/nodes/host1');
});

test('a service account is found where the kubelet puts it', async (t) => {
  const server = await startTls(t);
  server.token = 'jwt';
  const serviceAccount = temporaryDirectory(t);
  writeFileSync(join(serviceAccount, 'token'), 'jwt');
  writeFileSync(join(serviceAccount, 'ca.crt'), authority.certificate);
  const environment = {
    NODE_NAME: 'host1',
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: String(server.port),
  };
  const store = await openStore(t, '', { environment, serviceAccount });
  assert.equal((await store.list()).own.node, 'host1');
});

test('a kubeconfig with a client certificate in place works, and -kube-api-url wins over its server', async (t) => {
  const server = await startTls(t);
  const leaf = await authority.issue({ commonName: 'flannel', hosts: [], usages: ['client'] });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const kubeconfigFile = join(directory, 'kubeconfig');
  writeFileSync(
    kubeconfigFile,
    `apiVersion: v1
kind: Config
current-context: flannel@lab
contexts:
  - name: flannel@lab
    context: {cluster: lab, user: flannel}
clusters:
  - name: lab
    cluster:
      server: https://127.0.0.1:1
      certificate-authority: ca.crt
users:
  - name: flannel
    user:
      client-certificate-data: ${base64(leaf.certificate)}
      client-key-data: ${base64(leaf.key)}
`,
  );
  const environment = {};
  const access = await openAccess({ apiUrl: '', kubeconfigFile, environment });
  assert.equal((await faultWith(t, access)).where, 'https://127.0.0.1:1');
  const other = await openAccess({ apiUrl: server.url, kubeconfigFile, environment });
  assert.equal((await connect(t, other).getNode('host1')).name, 'host1');
});
