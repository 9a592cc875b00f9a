import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAuthority } from './authority.ts';
import { writeCertificate } from './files.ts';

test('a leaf is signed by its authority, has its key and lists names before addresses', async () => {
  const authority = await createAuthority({ commonName: 'weft test CA' });
  const leaf = await authority.issue({
    commonName: 'etcd-1',
    hosts: ['10.0.0.1', 'etcd-1', '127.0.0.1', 'localhost'],
    usages: ['server', 'client'],
  });
  const ca = new X509Certificate(authority.certificate);
  const certificate = new X509Certificate(leaf.certificate);
  assert.ok(ca.ca);
  assert.ok(!certificate.ca);
  assert.ok(certificate.verify(ca.publicKey));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(leaf.key)));
  assert.equal(certificate.subjectAltName, 'DNS:etcd-1, DNS:localhost, IP Address:10.0.0.1, IP Address:127.0.0.1');
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  assert.equal(certificate.subject, 'CN=etcd-1');
});

test('a leaf is valid from five minutes back, on the minute, for a year', async () => {
  const authority = await createAuthority({ commonName: 'weft test CA' });
  const before = Date.now();
  const leaf = new X509Certificate(
    (await authority.issue({ commonName: 'a', hosts: [], usages: ['client'] })).certificate,
  );
  const backMs = before - leaf.validFromDate.getTime();
  assert.ok(backMs >= 4.9 * 60_000 && backMs <= 6.1 * 60_000, `${backMs} ms back`);
  assert.equal(leaf.validFromDate.getSeconds(), 0);
  assert.equal(leaf.validToDate.getTime() - leaf.validFromDate.getTime(), 365 * 86_400_000);
  assert.equal(leaf.subjectAltName, undefined);
});

test('a certificate that has already expired can be made', async () => {
  const authority = await createAuthority({ commonName: 'weft test CA' });
  const notBefore = new Date('2020-01-01T00:00:00Z');
  const notAfter = new Date('2021-01-01T00:00:00Z');
  const leaf = await authority.issue({ commonName: 'old', hosts: ['old'], usages: ['server'], notBefore, notAfter });
  assert.equal(new X509Certificate(leaf.certificate).validToDate.toISOString(), notAfter.toISOString());
});

test('EC keys are SEC1 PEM, RSA keys PKCS#1 PEM, and either type signs the other', async () => {
  const [ec, rsa] = await Promise.all([
    createAuthority({ commonName: 'ec' }),
    createAuthority({ commonName: 'rsa', keyType: 'rsa2048' }),
  ]);
  assert.match(ec.key, /^-----BEGIN EC PRIVATE KEY-----\n/);
  assert.match(rsa.key, /^-----BEGIN RSA PRIVATE KEY-----\n/);
  const leaf = await rsa.issue({ commonName: 'leaf', hosts: ['leaf'], usages: ['server'], keyType: 'p256' });
  assert.ok(new X509Certificate(leaf.certificate).verify(new X509Certificate(rsa.certificate).publicKey));
});

test('key files are for the owner only', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-pki-'));
  t.after(() => rm(directory, { recursive: true }));
  const authority = await createAuthority({ commonName: 'weft test CA' });
  const files = await writeCertificate(directory, 'ca', authority);
  assert.equal((await stat(files.keyFile)).mode & 0o777, 0o600);
  assert.equal((await stat(files.certFile)).mode & 0o777, 0o644);
});
