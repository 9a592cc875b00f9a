import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { parseKubeconfig } from './kubeconfig.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n';

interface Parts {
  readonly cluster?: object;
  readonly user?: object;
  readonly root?: object;
}

function config({ cluster = {}, user = {}, root = {} }: Parts = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    'current-context': 'me',
    contexts: [{ name: 'me', context: { cluster: 'lab', user: 'flannel' } }],
    clusters: [{ name: 'lab', cluster: { server: 'https://10.0.0.1:6443/', ...cluster } }],
    users: [{ name: 'flannel', user }],
    ...root,
  });
}

function problem(text: string): string {
  try {
    parseKubeconfig(text, '/etc/kube/config');
  } catch (error) {
    if (error instanceof Fault) return `${error.code}: ${error.summary}`;
    throw error;
  }
  return 'none';
}

test('certificates and tokens in place and in files, these relative to the kubeconfig', () => {
  const data = Buffer.from(PEM).toString('base64');
  const inPlace = parseKubeconfig(
    config({ cluster: { 'certificate-authority-data': data }, user: { token: 't' } }),
    '/a/b',
  );
  assert.deepEqual(inPlace, {
    url: 'https://10.0.0.1:6443',
    tls: { ca: { pem: PEM, from: 'certificate-authority-data in /a/b' } },
    token: { token: 't' },
  });
  const user = { tokenFile: '../token', 'client-certificate': 'me.crt', 'client-key': '/keys/me.key' };
  const cluster = {
    'certificate-authority': 'ca.crt',
    'tls-server-name': 'kubernetes',
    'insecure-skip-tls-verify': true,
  };
  assert.deepEqual(parseKubeconfig(config({ cluster, user }), '/a/b/config'), {
    url: 'https://10.0.0.1:6443',
    tls: {
      ca: { path: '/a/b/ca.crt' },
      certificate: { path: '/a/b/me.crt' },
      key: { path: '/keys/me.key' },
      serverName: 'kubernetes',
      insecure: true,
    },
    token: { path: '/a/token' },
  });
});

for (const [sentence, text, message] of [
  ['no YAML', 'a: [', 'the kubeconfig cannot be used: it is not valid YAML at line 1, column 5 (/etc/kube/config)'],
  ['an empty file', '', 'the kubeconfig cannot be used: the file is no mapping (/etc/kube/config)'],
  [
    'no current context',
    config({ root: { 'current-context': '' } }),
    'the kubeconfig cannot be used: it has no current-context (/etc/kube/config)',
  ],
  [
    'a context that is not there',
    config({ root: { contexts: [] } }),
    'the kubeconfig cannot be used: it has no context named "me" (/etc/kube/config)',
  ],
  [
    'a cluster without server',
    config({ cluster: { server: '' } }),
    'the kubeconfig cannot be used: the cluster "lab" has no server (/etc/kube/config)',
  ],
  [
    'a plugin that would be run',
    config({ user: { exec: { command: 'aws' } } }),
    'the kubeconfig cannot be used: the user "flannel" has exec, which is not supported (/etc/kube/config)',
  ],
  [
    'a certificate without key',
    config({ user: { 'client-certificate': 'a' } }),
    'the kubeconfig cannot be used: the user "flannel" has a client-certificate, but no client-key (/etc/kube/config)',
  ],
  [
    'data that is no certificate',
    config({ cluster: { 'certificate-authority-data': '!!' } }),
    'the kubeconfig cannot be used: certificate-authority-data is not PEM in base64 (/etc/kube/config)',
  ],
] as const) {
  test(`${sentence} is an error that names the file`, () => {
    assert.equal(problem(text), `kube.config: ${message}`);
  });
}

test('a broken file is never quoted: it may hold a token', () => {
  assert.doesNotMatch(problem('token: "secret\n  : :'), /secret/);
});

test('a server that is no URL is an error that names the field', () => {
  assert.equal(
    problem(config({ cluster: { server: '10.0.0.1:6443' } })),
    'usage.flag: server in /etc/kube/config is "10.0.0.1:6443": an API server is https://HOST:PORT',
  );
});
