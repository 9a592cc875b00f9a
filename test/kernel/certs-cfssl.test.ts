/** `weft certs` beside the real cfssl: the same inputs give the same certificates, field by field. */
import '#pki/reflect-metadata.ts';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import * as x509 from '@peculiar/x509';
import { initAuthority } from '#certs/init.ts';
import { issueLeaves } from '#certs/issue.ts';
import { renewLeaves } from '#certs/renew.ts';

const RSA = { algo: 'rsa', size: 2048 };
const NAMES = [{ C: 'CN', ST: 'BeiJing', L: 'BeiJing', O: 'k8s', OU: '4Paradigm' }];
const LIFE = '87600h';
const CONFIG = {
  signing: {
    default: { expiry: LIFE },
    profiles: {
      kubernetes: { usages: ['signing', 'key encipherment', 'server auth', 'client auth'], expiry: LIFE },
      century: { usages: ['server auth'], expiry: '876000h' },
      client: { usages: ['client auth', 'digital signature'], expiry: '8760h' },
      signing: { usages: ['signing', 'content committment', 'data encipherment', 'key agreement'], expiry: '30m' },
    },
  },
};
/** The guides' CA; its life is given, since cfssl's own default is five years where ours is ten. */
const ROOT = { CN: 'kubernetes', key: RSA, names: NAMES, ca: { expiry: LIFE } };

const LEAVES: readonly (readonly [what: string, profile: string, request: object])[] = [
  [
    'etcd of guide 003',
    'kubernetes',
    { CN: 'etcd', hosts: ['127.0.0.1', '172.16.60.241', '172.16.60.242'], key: RSA, names: NAMES },
  ],
  [
    'admin of guide 003',
    'kubernetes',
    { CN: 'admin', hosts: [], key: RSA, names: [{ ...NAMES[0], O: 'system:masters' }] },
  ],
  [
    'flanneld of guide 000',
    'kubernetes',
    {
      CN: 'flanneld',
      hosts: [],
      key: RSA,
      names: [{ C: 'CN', ST: 'GuangDong', L: 'ShenZheng', O: 'pingan', OU: 'caas' }],
    },
  ],
  [
    'an ECDSA key, every kind of host, mixed',
    'kubernetes',
    {
      CN: 'mixed',
      hosts: ['10.0.0.1', 'b.example', 'fd00::1', 'ops@a.example', '*.a.example'],
      key: { algo: 'ecdsa', size: 256 },
      names: NAMES,
    },
  ],
  [
    'P-384, another profile',
    'client',
    { CN: 'p384', hosts: ['p384'], key: { algo: 'ecdsa', size: 384 }, names: [{ O: 'k8s' }] },
  ],
  ['P-521, no extended usage, half an hour', 'signing', { CN: 'p521', key: { algo: 'ecdsa', size: 521 } }],
  [
    'a hundred years, beyond what a two-digit year can say',
    'century',
    {
      CN: 'c',
      hosts: ['::ffff:10.0.0.1', 'FD00::A', '64:ff9b::1.2.3.4', '::1.2.3.4'],
      key: { algo: 'ecdsa', size: 256 },
    },
  ],
  ['no key said', 'client', { CN: 'plain', hosts: ['plain'] }],
  [
    'several organisations, not in order',
    'client',
    { CN: 'groups', key: RSA, names: [{ O: 'system:nodes', OU: 'b' }, { O: 'z' }, { O: 'k8s', OU: 'a' }] },
  ],
  [
    'names that are not ASCII',
    'client',
    { CN: '节点-1', key: RSA, names: [{ C: 'CN', O: '公司', OU: 'R&D' }, { O: 'a@b' }, { O: 'a*b' }] },
  ],
  ['no common name', 'client', { CN: '', key: RSA, names: [{ O: 'k8s' }] }],
];

suite('the same inputs give what cfssl gives', () => {
  test('the root', async (t) => {
    const { ours, theirs } = await bothRoots(t, ROOT);
    assert.deepEqual(fieldsOf(ours, 'ca'), fieldsOf(theirs, 'ca'));
  });

  test('the root with an ECDSA key', async (t) => {
    const { ours, theirs } = await bothRoots(t, { ...ROOT, key: { algo: 'ecdsa', size: 384 } });
    assert.deepEqual(fieldsOf(ours, 'ca'), fieldsOf(theirs, 'ca'));
  });

  test('without a life in the input ours lasts ten years, cfssl’s five; nothing else differs', async (t) => {
    const { ours, theirs } = await bothRoots(t, { CN: 'kubernetes', key: RSA, names: NAMES });
    const [we, they] = [fieldsOf(ours, 'ca'), fieldsOf(theirs, 'ca')];
    assert.deepEqual({ ...we, lifeHours: 0 }, { ...they, lifeHours: 0 });
    assert.deepEqual([we.lifeHours, they.lifeHours], [87_600, 43_800]);
  });

  for (const [what, profile, request] of LEAVES) {
    test(what, async (t) => {
      const { ours, theirs } = await bothRoots(t, ROOT);
      for (const folder of [ours, theirs]) writeFileSync(join(folder, 'leaf-csr.json'), JSON.stringify(request));
      cfssl(
        theirs,
        `gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=${profile} leaf-csr.json`,
        'leaf',
      );
      await issueLeaves(ours, ['leaf'], { profile }, Date.now());
      assert.deepEqual(fieldsOf(ours, 'leaf'), fieldsOf(theirs, 'leaf'));
      verifyByOpenssl(ours, 'leaf');
    });
  }
});

test('a directory that cfssl made is taken over as it is: nothing changes', async (t) => {
  const { theirs } = await bothRoots(t, ROOT);
  for (const [name, hosts] of [
    ['etcd', ['127.0.0.1', '10.0.0.1']],
    ['admin', []],
  ] as const) {
    writeFileSync(join(theirs, `${name}-csr.json`), JSON.stringify({ CN: name, hosts, key: RSA, names: NAMES }));
    cfssl(
      theirs,
      `gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=kubernetes ${name}-csr.json`,
      name,
    );
  }
  const before = readFileSync(join(theirs, 'etcd.pem'), 'utf8');
  assert.equal((await initAuthority(theirs, {}, Date.now())).action, 'kept');
  const outcomes = await issueLeaves(theirs, [], {}, Date.now());
  assert.deepEqual(
    outcomes.map(({ name, action }) => [name, action]),
    [
      ['admin', 'kept'],
      ['etcd', 'kept'],
    ],
  );
  assert.equal(readFileSync(join(theirs, 'etcd.pem'), 'utf8'), before);
});

test('a certificate of cfssl is renewed field by field, with the same key or another', async (t) => {
  const { theirs } = await bothRoots(t, ROOT);
  writeFileSync(
    join(theirs, 'etcd-csr.json'),
    JSON.stringify({ CN: 'etcd', hosts: ['10.0.0.1', 'a'], key: RSA, names: NAMES }),
  );
  cfssl(
    theirs,
    'gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=kubernetes etcd-csr.json',
    'etcd',
  );
  const [before, key] = [fieldsOf(theirs, 'etcd'), readFileSync(join(theirs, 'etcd-key.pem'), 'utf8')];
  for (const sameKey of [true, false]) {
    await renewLeaves(theirs, { names: ['etcd'], beforeMs: 0, sameKey }, Date.now());
    assert.deepEqual(fieldsOf(theirs, 'etcd'), before);
    assert.equal(readFileSync(join(theirs, 'etcd-key.pem'), 'utf8') === key, sameKey);
    verifyByOpenssl(theirs, 'etcd');
  }
});

/** A directory of ours and one of cfssl's, each with a root by the same input. */
async function bothRoots(t: TestContext, root: object): Promise<{ readonly ours: string; readonly theirs: string }> {
  const folders = ['ours', 'theirs'].map((name) => {
    const folder = mkdtempSync(join(tmpdir(), `weft-certs-${name}-`));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'ca-config.json'), JSON.stringify(CONFIG));
    writeFileSync(join(folder, 'ca-csr.json'), JSON.stringify(root));
    return folder;
  });
  const [ours = '', theirs = ''] = folders;
  cfssl(theirs, 'gencert -initca ca-csr.json', 'ca');
  await initAuthority(ours, {}, Date.now());
  return { ours, theirs };
}

function cfssl(folder: string, words: string, name: string): void {
  // Its log would be the loudest part of the tests.
  const made = execFileSync('cfssl', words.split(' '), { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
  execFileSync('cfssljson', ['-bare', name], { cwd: folder, input: made });
}

function verifyByOpenssl(folder: string, name: string): void {
  const words = ['verify', '-CAfile', join(folder, 'ca.pem'), join(folder, `${name}.pem`)];
  assert.match(execFileSync('openssl', words, { encoding: 'utf8' }), /: OK\n$/);
}

/** All that can be told of a certificate without knowing its key, its serial number and the time. */
function fieldsOf(folder: string, name: string) {
  const text = readFileSync(join(folder, `${name}.pem`), 'utf8');
  const key = readFileSync(join(folder, `${name}-key.pem`), 'utf8');
  const request = readFileSync(join(folder, `${name}.csr`), 'utf8');
  const certificate = new x509.X509Certificate(text);
  const root = new x509.X509Certificate(readFileSync(join(folder, 'ca.pem'), 'utf8'));
  const subjectKeyId = certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId ?? '';
  const authorityKeyId = certificate.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId;
  const rootKeyId = root.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  const serial = Buffer.from(certificate.serialNumber, 'hex');
  return {
    subject: Buffer.from(certificate.subjectName.toArrayBuffer()).toString('hex'),
    issuer: Buffer.from(certificate.issuerName.toArrayBuffer()).toString('hex'),
    extensions: certificate.extensions.map(({ type, critical, value }) => [
      type,
      critical,
      // Identifiers of keys differ as the keys do.
      ['2.5.29.14', '2.5.29.35'].includes(type) ? value.byteLength : Buffer.from(value).toString('hex'),
    ]),
    subjectKeyIdIsSha1OfKey: subjectKeyId === sha1OfKeyBits(text),
    authorityKeyId: authorityKeyId === undefined ? 'none' : authorityKeyId === rootKeyId,
    signature: openssl(['x509', '-noout', '-text'], text).match(/Signature Algorithm: .*/g),
    publicKey: openssl(['x509', '-noout', '-text'], text).match(
      /Public-Key: .*|NIST CURVE: .*|Public Key Algorithm: .*/g,
    ),
    dateTypes: openssl(['asn1parse'], text).match(/UTCTIME|GENERALIZEDTIME/g),
    lifeHours: (certificate.notAfter.getTime() - certificate.notBefore.getTime()) / 3_600_000,
    minutesBack: Math.round((Date.now() - certificate.notBefore.getTime()) / 60_000) <= 7,
    onTheMinute: certificate.notBefore.getSeconds(),
    // Random: now and then one has leading zeros.
    serialIsLong: serial.length >= 17 && serial.length <= 20,
    keyHeader: key.split('\n')[0],
    keyMode: statSync(join(folder, `${name}-key.pem`)).mode & 0o777,
    request: openssl(['req', '-noout', '-text'], request).match(
      /Subject: .*|Signature Algorithm: .*|DNS:.*|IP Address:.*/g,
    ),
    files: [text, request].map((pem) => pem.split('\n')[0]),
  };
}

/** The bits of a public key without the algorithm around them. */
function sha1OfKeyBits(pem: string): string {
  const { publicKey } = new X509Certificate(pem);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const pointBytes = { prime256v1: 65, secp384r1: 97, secp521r1: 133 }[
    publicKey.asymmetricKeyDetails?.namedCurve ?? ''
  ];
  const bits =
    pointBytes === undefined ? publicKey.export({ type: 'pkcs1', format: 'der' }) : spki.subarray(-pointBytes);
  return createHash('sha1').update(bits).digest('hex');
}

function openssl(words: readonly string[], input: string): string {
  return execFileSync('openssl', words, { input, encoding: 'utf8' });
}
