import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { resolveEtcdTarget } from './etcd-options.ts';

test("without flags and environment it is flannel's default", () => {
  assert.deepEqual(resolveEtcdTarget({}, {}), {
    prefix: '/coreos.com/network',
    api: 'auto',
    connection: { endpoints: ['http://127.0.0.1:4001', 'http://127.0.0.1:2379'] },
  });
});

test("the agent's environment is enough", () => {
  const environment = {
    FLANNELD_ETCD_ENDPOINTS: 'https://10.0.0.1:2379, https://10.0.0.2:2379',
    FLANNELD_ETCD_PREFIX: '/kubernetes//network/',
    FLANNELD_ETCD_API: 'v2',
    FLANNELD_ETCD_CAFILE: '/etc/ca.pem',
    FLANNELD_ETCD_CERTFILE: '/etc/c.pem',
    FLANNELD_ETCD_KEYFILE: '/etc/k.pem',
    FLANNELD_ETCD_USERNAME: 'weft',
    FLANNELD_ETCD_PASSWORD: 'secret',
  };
  assert.deepEqual(resolveEtcdTarget({}, environment), {
    prefix: '/kubernetes/network',
    api: 'v2',
    connection: {
      endpoints: ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'],
      caFile: '/etc/ca.pem',
      certFile: '/etc/c.pem',
      keyFile: '/etc/k.pem',
      username: 'weft',
      password: 'secret',
    },
  });
});

test('a flag wins over the environment, and an empty variable is no value', () => {
  const environment = { FLANNELD_ETCD_PREFIX: '/theirs', FLANNELD_ETCD_CAFILE: '', FLANNELD_ETCD_API: 'v2' };
  const flags = { etcdPrefix: '/ours', etcdEndpoints: 'http://[::1]:2379', etcdApi: 'v3' } as const;
  assert.deepEqual(resolveEtcdTarget(flags, environment), {
    prefix: '/ours',
    api: 'v3',
    connection: { endpoints: ['http://[::1]:2379'] },
  });
});

test('a prefix without a slash in front stays without one, as for the agent', () => {
  assert.equal(resolveEtcdTarget({ etcdPrefix: 'kubernetes//network/' }, {}).prefix, 'kubernetes/network');
});

test('the password comes from a file, without the line end', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'password');
  writeFileSync(file, 'se cret \n');
  const target = resolveEtcdTarget(
    { etcdUsername: 'weft', etcdPasswordFile: file },
    { FLANNELD_ETCD_PASSWORD: 'other' },
  );
  assert.equal(target.connection.password, 'se cret ');
});

test('what cannot be used is refused with the flag named', () => {
  for (const [flags, pattern] of [
    [{ etcdCertfile: 'c.pem' }, /--etcd-certfile and --etcd-keyfile go together/],
    [{ etcdEndpoints: ' , ' }, /--etcd-endpoints names no endpoint/],
    [{ etcdUsername: 'weft', etcdPasswordFile: '/nowhere' }, /password file cannot be read/],
  ] as const) {
    assert.throws(
      () => resolveEtcdTarget(flags, {}),
      (error) => error instanceof Fault && pattern.test(error.message),
    );
  }
});

test('an API that there is not is refused by the name of the variable', () => {
  assert.throws(
    () => resolveEtcdTarget({}, { FLANNELD_ETCD_API: 'v4' }),
    (error) => error instanceof Fault && /FLANNELD_ETCD_API is "v4"/.test(error.message),
  );
});
