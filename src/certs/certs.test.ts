/** Directories of certificates: what is made, kept, made anew and refused. */
import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createAuthority } from '#pki/authority.ts';
import { initAuthority } from './init.ts';
import { issueLeaves } from './issue.ts';
import { renewLeaves } from './renew.ts';
import { needsAttention, showCertificates } from './show.ts';
import { GUIDE_INPUTS, guideDirectory, scratch, text } from './test-directory.ts';

const NOW = Date.UTC(2026, 10, 20, 12, 0, 30);
const DAY = 86_400_000;

test('the guides’ inputs give the guides’ files', async (t) => {
  const directory = await guideDirectory(t, NOW);
  const outcomes = await issueLeaves(directory, [], {}, NOW);
  assert.deepEqual(
    outcomes.map(({ name, action, reasons }) => [name, action, reasons]),
    [
      ['admin', 'made', []],
      ['etcd', 'made', []],
    ],
  );
  const inputs = Object.keys(GUIDE_INPUTS);
  const made = ['ca', 'admin', 'etcd'].flatMap((name) => [`${name}.pem`, `${name}-key.pem`, `${name}.csr`]);
  assert.deepEqual(readdirSync(directory).sort(), [...inputs, ...made].sort());
  for (const name of ['ca', 'admin', 'etcd']) {
    assert.equal(statSync(join(directory, `${name}-key.pem`)).mode & 0o777, 0o600);
    assert.equal(statSync(join(directory, `${name}.pem`)).mode & 0o777, 0o644);
  }
  const etcd = new X509Certificate(text(directory, 'etcd.pem'));
  assert.equal(etcd.subjectAltName, 'IP Address:127.0.0.1, IP Address:10.0.0.1');
  assert.equal(etcd.validFromDate.toISOString(), '2026-11-20T11:55:00.000Z');
  assert.equal(etcd.validToDate.getTime() - etcd.validFromDate.getTime(), 3650 * DAY);
});

test('a second run changes nothing', async (t) => {
  const directory = await guideDirectory(t, NOW);
  await issueLeaves(directory, [], {}, NOW);
  const before = contents(directory);
  assert.equal((await initAuthority(directory, {}, NOW + DAY)).action, 'kept');
  const outcomes = await issueLeaves(directory, [], {}, NOW + DAY);
  assert.deepEqual(
    outcomes.map(({ action }) => action),
    ['kept', 'kept'],
  );
  assert.deepEqual(contents(directory), before);
});

suite('a certificate is made anew, and it is said why, when', () => {
  for (const [what, changed, reason] of [
    ['hosts changed', { hosts: ['127.0.0.1', '10.0.0.2'] }, /^hosts added: 10\.0\.0\.2; hosts removed: 10\.0\.0\.1$/],
    ['the name changed', { CN: 'other' }, /^its name is C=CN, O=k8s, CN=etcd, wanted is C=CN, O=k8s, CN=other$/],
    ['the key changed', { key: { algo: 'ecdsa', size: 384 } }, /^its key is p256, wanted is p384$/],
  ] as const) {
    test(what, async (t) => {
      const directory = await guideDirectory(t, NOW);
      await issueLeaves(directory, ['etcd'], {}, NOW);
      const request = { ...JSON.parse(GUIDE_INPUTS['etcd-csr.json']), ...changed };
      writeFileSync(join(directory, 'etcd-csr.json'), JSON.stringify(request));
      const [outcome] = await issueLeaves(directory, ['etcd'], {}, NOW);
      assert.equal(outcome?.action, 'made anew');
      assert.match(outcome?.reasons.join('; ') ?? '', reason);
      assert.deepEqual(outcome?.backups, []);
      assert.equal((await issueLeaves(directory, ['etcd'], {}, NOW))[0]?.action, 'kept');
    });
  }

  test('usages changed', async (t) => {
    const directory = await guideDirectory(t, NOW);
    await issueLeaves(directory, ['etcd'], { profile: 'client' }, NOW);
    const [outcome] = await issueLeaves(directory, ['etcd'], { profile: 'kubernetes' }, NOW);
    assert.match(outcome?.reasons[0] ?? '', /^its usages are client auth, wanted are signing, key enc/);
  });

  test('it expired, or is not valid yet', async (t) => {
    const directory = await guideDirectory(t, NOW);
    await issueLeaves(directory, ['etcd'], { profile: 'client' }, NOW);
    const [expired] = await issueLeaves(directory, ['etcd'], { profile: 'client' }, NOW + 31 * DAY);
    assert.deepEqual(expired?.reasons, ['it expired on 2026-12-20T11:55:00.000Z']);
    const [early] = await issueLeaves(directory, ['etcd'], { profile: 'client' }, NOW);
    assert.deepEqual(early?.reasons, ['it is not valid before 2026-12-21T11:55:00.000Z']);
  });
});

test('equal addresses in another spelling are no change', async (t) => {
  const directory = await guideDirectory(t, NOW);
  await issueLeaves(directory, ['x'], { hosts: ['fd00:0::1', 'A.example'], profile: 'kubernetes' }, NOW);
  const [outcome] = await issueLeaves(
    directory,
    ['x'],
    { hosts: ['a.example', 'fd00::1'], profile: 'kubernetes' },
    NOW,
  );
  assert.equal(outcome?.action, 'kept');
});

suite('a file that is not ours is kept', () => {
  for (const [what, files, reason] of [
    ['not PEM', { 'etcd.pem': 'hello', 'etcd-key.pem': 'world' }, 'etcd.pem holds no certificate in PEM form'],
    ['a lone key', { 'etcd-key.pem': 'k' }, 'there is etcd-key.pem, but no etcd.pem'],
    ['a lone certificate', { 'etcd.pem': 'c', 'etcd.csr': 'r' }, 'there is etcd.pem, but no etcd-key.pem'],
  ] as const) {
    test(what, async (t) => {
      const directory = await guideDirectory(t, NOW);
      for (const [file, content] of Object.entries(files)) writeFileSync(join(directory, file), content);
      const [outcome] = await issueLeaves(directory, ['etcd'], {}, NOW);
      assert.deepEqual(outcome?.reasons, [reason]);
      const backups = Object.keys(files).map((file) => `${file}.weft-backup-20261120T120030Z`);
      assert.deepEqual([...(outcome?.backups ?? [])].sort(), backups.sort());
      for (const [file, content] of Object.entries(files)) {
        assert.equal(text(directory, `${file}.weft-backup-20261120T120030Z`), content);
      }
      assert.equal((await issueLeaves(directory, ['etcd'], {}, NOW))[0]?.action, 'kept');
    });
  }

  test('twice in the same second: both copies stay', async (t) => {
    const directory = await guideDirectory(t, NOW);
    for (const content of ['first', 'second']) {
      writeFileSync(join(directory, 'etcd.pem'), content);
      await issueLeaves(directory, ['etcd'], {}, NOW);
    }
    assert.equal(text(directory, 'etcd.pem.weft-backup-20261120T120030Z'), 'first');
    assert.equal(text(directory, 'etcd.pem.weft-backup-20261120T120030Z-2'), 'second');
  });

  test('of another authority', async (t) => {
    const directory = await guideDirectory(t, NOW);
    const foreign = await (await createAuthority({ commonName: 'kubernetes' })).issue({
      commonName: 'etcd',
      hosts: [],
      usages: [],
    });
    writeFileSync(join(directory, 'etcd.pem'), foreign.certificate);
    writeFileSync(join(directory, 'etcd-key.pem'), foreign.key);
    const [outcome] = await issueLeaves(directory, ['etcd'], {}, NOW);
    assert.deepEqual(outcome?.reasons, ['another authority signed it']);
    assert.equal(text(directory, 'etcd-key.pem.weft-backup-20261120T120030Z'), foreign.key);
  });

  test('whose key belongs to another certificate', async (t) => {
    const directory = await guideDirectory(t, NOW);
    await issueLeaves(directory, [], {}, NOW);
    writeFileSync(join(directory, 'etcd-key.pem'), text(directory, 'admin-key.pem'));
    const [outcome] = await issueLeaves(directory, ['etcd'], {}, NOW);
    assert.deepEqual(outcome?.reasons, ['etcd-key.pem does not belong to etcd.pem']);
    assert.equal(outcome?.backups.length, 3);
  });

  test('with a key that cannot be read', async (t) => {
    const directory = await guideDirectory(t, NOW);
    await issueLeaves(directory, ['etcd'], {}, NOW);
    writeFileSync(join(directory, 'etcd-key.pem'), '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n');
    const [outcome] = await issueLeaves(directory, ['etcd'], {}, NOW);
    assert.deepEqual(outcome?.reasons, ['etcd-key.pem holds no private key in PEM form without a passphrase']);
  });
});

suite('without inputs', () => {
  test('the names stand for what a fleet needs; hosts and kinds of keys that were given once stay', async (t) => {
    const directory = scratch(t);
    await initAuthority(directory, { commonName: 'fleet', keyType: 'p256', rootLifeMs: 40 * DAY }, NOW);
    const root = new X509Certificate(text(directory, 'ca.pem'));
    assert.equal(root.subject, 'CN=fleet');
    assert.equal(root.validToDate.getTime() - root.validFromDate.getTime(), 40 * DAY);
    const flags = { keyType: 'p256' } as const;
    await assert.rejects(issueLeaves(directory, [], flags, NOW), { code: 'certs.hosts', exitCode: 2 });
    assert(!existsSync(join(directory, 'admin.pem')), 'the refusal came after a certificate was made');
    await issueLeaves(directory, ['etcd'], { ...flags, hosts: ['10.0.0.1', 'localhost'] }, NOW);
    const outcomes = await issueLeaves(directory, [], flags, NOW);
    assert.deepEqual(
      outcomes.map(({ name, action }) => `${name} ${action}`),
      ['admin made', 'etcd kept', 'flanneld made', 'weft made'],
    );
    const shown = showCertificates(directory, 0, NOW);
    assert.deepEqual(
      shown.map(({ file, subject, hosts, usages }) => [file, subject, hosts.join(), usages.slice(2).join()]),
      [
        ['ca.pem', 'CN=fleet', '', ''],
        ['admin.pem', 'O=system:masters, CN=admin', '', 'client auth'],
        ['etcd.pem', 'CN=etcd', 'localhost,127.0.0.1,10.0.0.1', 'server auth,client auth'],
        ['flanneld.pem', 'CN=flanneld', '', 'client auth'],
        ['weft.pem', 'CN=weft', '', 'client auth'],
      ],
    );
    const again = await issueLeaves(directory, [], {}, NOW);
    assert.deepEqual(new Set(again.map(({ action }) => action)), new Set(['kept']));
    await issueLeaves(directory, ['proxy'], { ...flags, hosts: ['vip.example'], profile: 'server' }, NOW);
    assert.equal(new X509Certificate(text(directory, 'proxy.pem')).subjectAltName, 'DNS:vip.example');
  });

  test('RSA with 2048 bits', async (t) => {
    const directory = scratch(t);
    await initAuthority(join(directory, 'a/b'), {}, NOW);
    const key = createPrivateKey(text(join(directory, 'a/b'), 'ca-key.pem'));
    assert.equal(key.asymmetricKeyDetails?.modulusLength, 2048);
  });
});

suite('profiles', () => {
  test('an unknown one is refused with those there are', async (t) => {
    const directory = await guideDirectory(t, NOW);
    await assert.rejects(issueLeaves(directory, ['etcd'], { profile: 'kubernets' }, NOW), {
      code: 'certs.profile',
      message: 'there is no profile "kubernets" (did you mean "kubernetes"?)',
      why: 'there are: kubernetes, client',
      where: 'ca-config.json',
    });
  });

  test('without a name: the only one, else the default, which must have usages', async (t) => {
    const directory = await guideDirectory(t, NOW);
    const config = (signing: object): void =>
      writeFileSync(join(directory, 'ca-config.json'), JSON.stringify({ signing }));
    config({ profiles: { only: { usages: ['client auth'], expiry: '1h' } } });
    await issueLeaves(directory, ['admin'], {}, NOW);
    assert.deepEqual(new X509Certificate(text(directory, 'admin.pem')).keyUsage, ['1.3.6.1.5.5.7.3.2']);
    config({ default: { usages: ['server auth'], expiry: '1h' } });
    await issueLeaves(directory, ['etcd'], {}, NOW);
    assert.deepEqual(new X509Certificate(text(directory, 'etcd.pem')).keyUsage, ['1.3.6.1.5.5.7.3.1']);
    config({ default: { expiry: '1h' } });
    await assert.rejects(issueLeaves(directory, ['etcd'], {}, NOW), {
      message: /"default" has no usages/,
      why: 'there is none',
    });
    config({});
    await assert.rejects(issueLeaves(directory, ['etcd'], {}, NOW), { message: 'there is no profile "default"' });
  });
});

suite('an authority that cannot be used', () => {
  for (const [what, spoil, expected] of [
    ['none', () => {}, { code: 'certs.ca-missing', remedy: 'make one: weft certs init' }],
    [
      'not PEM',
      (d) => writeAuthority(d, { certificate: 'x', key: 'y' }),
      { why: 'ca.pem holds no certificate in PEM form' },
    ],
    [
      'no key',
      async (d) => writeFileSync(join(d, 'ca.pem'), (await createAuthority({ commonName: 'a' })).certificate),
      { why: 'there is ca.pem, but no ca-key.pem' },
    ],
    [
      'a key alone',
      async (d) => writeFileSync(join(d, 'ca-key.pem'), (await createAuthority({ commonName: 'a' })).key),
      { why: 'there is ca-key.pem, but no ca.pem' },
    ],
    [
      'another key',
      async (d) =>
        writeAuthority(d, {
          ...(await createAuthority({ commonName: 'a' })),
          key: (await createAuthority({ commonName: 'b' })).key,
        }),
      { code: 'certs.ca-unusable', why: 'ca-key.pem does not belong to ca.pem' },
    ],
    [
      'no CA flag',
      async (d) =>
        writeAuthority(
          d,
          await (await createAuthority({ commonName: 'a' })).issue({ commonName: 'l', hosts: [], usages: [] }),
        ),
      { code: 'certs.ca-unusable', message: 'the certificate is no authority' },
    ],
    [
      'expired',
      async (d) =>
        writeAuthority(
          d,
          await createAuthority({ commonName: 'a', notBefore: new Date(NOW - 9 * DAY), notAfter: new Date(NOW - DAY) }),
        ),
      {
        code: 'certs.ca-expired',
        message: 'the authority expired on 2026-11-19T12:00:30.000Z',
        why: 'it is now 2026-11-20T12:00:30.000Z',
      },
    ],
    [
      'from the future',
      async (d) => writeAuthority(d, await createAuthority({ commonName: 'a', notBefore: new Date(NOW + DAY) })),
      { code: 'certs.clock', message: 'the authority is not valid before 2026-11-21T12:00:30.000Z' },
    ],
  ] satisfies readonly [string, (directory: string) => unknown, object][]) {
    test(what, async (t) => {
      const directory = scratch(t);
      await spoil(directory);
      const before = contents(directory);
      await assert.rejects(issueLeaves(directory, ['admin'], {}, NOW), expected);
      await assert.rejects(renewLeaves(directory, { names: [], beforeMs: 0, sameKey: false }, NOW), expected);
      if (before.length > 0) await assert.rejects(initAuthority(directory, {}, NOW), expected);
      assert.deepEqual(contents(directory), before);
    });
  }

  test('with a kind of key that is not signed with here', async (t) => {
    const directory = await guideDirectory(t, NOW);
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(join(directory, 'ca-key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await assert.rejects(issueLeaves(directory, ['admin'], {}, NOW), { why: 'ca-key.pem does not belong to ca.pem' });
  });
});

test('an authority that is not what the input says is kept, and the difference is told', async (t) => {
  const directory = await guideDirectory(t, NOW);
  writeFileSync(join(directory, 'ca-csr.json'), '{"CN":"new","key":{"algo":"rsa","size":4096}}');
  const { action, reasons } = await initAuthority(directory, {}, NOW);
  assert.deepEqual(
    [action, reasons],
    ['kept', ['its name is C=CN, O=k8s, CN=kubernetes, wanted is CN=new', 'its key is p256, wanted is rsa4096']],
  );
});

test('an input without a key gets the one that cfssl gives it, flags win over the input', async (t) => {
  const directory = scratch(t);
  writeFileSync(join(directory, 'ca-csr.json'), '{"CN":"a","names":[{"O":"k8s"}],"ca":{"expiry":"48h"}}');
  await initAuthority(directory, { commonName: 'b', rootLifeMs: 3 * DAY }, NOW);
  const root = new X509Certificate(text(directory, 'ca.pem'));
  assert.equal(root.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.equal(root.subject, 'O=k8s\nCN=b');
  assert.equal(root.validToDate.getTime() - root.validFromDate.getTime(), 3 * DAY);
});

test('a bundle of authorities is opened at the one whose key is there', async (t) => {
  const directory = await guideDirectory(t, NOW);
  const other = await createAuthority({ commonName: 'older', notBefore: new Date(NOW - DAY) });
  writeFileSync(join(directory, 'ca.pem'), other.certificate + text(directory, 'ca.pem'));
  await issueLeaves(directory, ['admin'], {}, NOW);
  assert.match(new X509Certificate(text(directory, 'admin.pem')).issuer, /CN=kubernetes$/);
  const shown = showCertificates(directory, 0, NOW);
  assert.deepEqual(
    shown.map(({ file, state }) => `${file} ${state}`),
    ['ca.pem ok', 'ca.pem ok', 'admin.pem ok'],
  );
});

test('a clock from before the program was made is refused', async (t) => {
  const directory = await guideDirectory(t, NOW);
  const wrong = Date.UTC(1970, 0, 1);
  for (const run of [
    initAuthority(directory, {}, wrong),
    issueLeaves(directory, [], {}, wrong),
    renewLeaves(directory, { names: [], beforeMs: 0, sameKey: false }, wrong),
  ]) {
    await assert.rejects(run, { code: 'certs.clock', message: /it says 1970-01-01T00:00:00\.000Z$/ });
  }
});

test('all problems of all inputs come at once, in the order of files and lines, and nothing is made', async (t) => {
  const directory = await guideDirectory(t, NOW);
  writeFileSync(join(directory, 'ca-config.json'), '{"signing":\n{"profile":{}}}');
  writeFileSync(join(directory, 'admin-csr.json'), '{"CN":"a","hosts":["a b"],\n"keys":{}}');
  await assert.rejects(issueLeaves(directory, [], {}, NOW), {
    code: 'certs.input',
    message: 'the inputs have 3 problems',
    why: [
      'admin-csr.json:1:20: hosts[0]: "a b" is neither a name nor an address',
      'admin-csr.json:2:1: keys: unknown name (did you mean "key"?)',
      'ca-config.json:2:2: signing.profile: unknown name (did you mean "profiles"?)',
    ].join('\n          '),
  });
  assert(!existsSync(join(directory, 'etcd.pem')));
});

test('names that cannot be file names, or hosts that are none, are refused', async (t) => {
  const directory = await guideDirectory(t, NOW);
  for (const name of ['ca', '../x', 'a/b', '', '-x', 'etcd-key']) {
    await assert.rejects(issueLeaves(directory, [name], {}, NOW), { code: 'usage.flag' }, name);
  }
  await assert.rejects(issueLeaves(directory, ['x'], { hosts: ['http://a'] }, NOW), {
    message: /^--hosts: "http:\/\/a" is a URL/,
  });
});

suite('renewal', () => {
  test('those that end soon, as they are, with new keys; the others stay', async (t) => {
    const directory = await guideDirectory(t, NOW);
    await issueLeaves(directory, ['etcd'], { profile: 'client' }, NOW);
    await issueLeaves(directory, ['admin'], {}, NOW);
    const before = text(directory, 'etcd-key.pem');
    const later = NOW + 10 * DAY;
    const outcomes = await renewLeaves(directory, { names: [], beforeMs: 21 * DAY, sameKey: false }, later);
    assert.deepEqual(
      outcomes.map(({ name, action, reasons, expires }) => [name, action, reasons, expires.slice(0, 10)]),
      [
        ['admin', 'kept', [], '2036-11-17'],
        ['etcd', 'made anew', ['the one before ends on 2026-12-20T11:55:00.000Z'], '2026-12-30'],
      ],
    );
    assert.notEqual(text(directory, 'etcd-key.pem'), before);
    const etcd = new X509Certificate(text(directory, 'etcd.pem'));
    assert.equal(etcd.subjectAltName, 'IP Address:127.0.0.1, IP Address:10.0.0.1');
    assert(etcd.checkPrivateKey(createPrivateKey(text(directory, 'etcd-key.pem'))));
    assert.equal((await issueLeaves(directory, ['etcd'], { profile: 'client' }, later))[0]?.action, 'kept');
  });

  test('one by name, with the key it has', async (t) => {
    const directory = await guideDirectory(t, NOW);
    await issueLeaves(directory, ['etcd'], {}, NOW);
    const [key, certificate] = [text(directory, 'etcd-key.pem'), text(directory, 'etcd.pem')];
    await renewLeaves(directory, { names: ['etcd', 'etcd'], beforeMs: 0, sameKey: true }, NOW + DAY);
    assert.equal(text(directory, 'etcd-key.pem'), key);
    assert.notEqual(text(directory, 'etcd.pem'), certificate);
  });

  test('what is not there, not ours or the authority itself is refused', async (t) => {
    const directory = await guideDirectory(t, NOW);
    const renew = (name: string): Promise<unknown> =>
      renewLeaves(directory, { names: [name], beforeMs: 0, sameKey: false }, NOW);
    await assert.rejects(renew('ca'), { code: 'usage.flag' });
    await assert.rejects(renew('none'), {
      code: 'certs.leaf',
      message: 'there is no certificate none',
      remedy: 'make it anew: weft certs issue none',
    });
    writeFileSync(join(directory, 'x.pem'), 'x');
    await assert.rejects(renew('x'), { code: 'certs.leaf', why: 'there is x.pem, but no x-key.pem' });
    const foreign = await (await createAuthority({ commonName: 'kubernetes' })).issue({
      commonName: 'y',
      hosts: [],
      usages: [],
    });
    writeFileSync(join(directory, 'y.pem'), foreign.certificate);
    writeFileSync(join(directory, 'y-key.pem'), foreign.key);
    await assert.rejects(renew('y'), { code: 'certs.leaf', why: 'another authority signed it' });
  });
});

suite('show', () => {
  test('what ends within the time of warning, has ended or has not begun', async (t) => {
    const directory = await guideDirectory(t, NOW);
    await issueLeaves(directory, ['etcd'], { profile: 'client' }, NOW);
    const states = (warnMs: number, atMs: number): string[] =>
      showCertificates(directory, warnMs, atMs).map(({ state }) => state);
    assert.deepEqual(states(29 * DAY, NOW), ['ok', 'ok']);
    assert.deepEqual(states(30 * DAY, NOW), ['ok', 'expires soon']);
    assert.deepEqual(states(0, NOW + 30 * DAY), ['ok', 'expired']);
    assert.deepEqual(states(0, NOW - DAY), ['not yet valid', 'not yet valid']);
    assert(!needsAttention(showCertificates(directory, 0, NOW)));
    assert(needsAttention(showCertificates(directory, 30 * DAY, NOW)));
    const [root] = showCertificates(directory, 0, NOW);
    assert.equal(root?.secondsLeft, 3650 * 86_400 - 330);
  });

  test('keys that do not fit, can be read by others or are none; other authorities; files that are no certificates', async (t) => {
    const directory = await guideDirectory(t, NOW);
    await issueLeaves(directory, [], {}, NOW);
    const notBefore = new Date(NOW - DAY);
    const root = await createAuthority({ commonName: 'kubernetes', notBefore });
    const foreign = await root.issue({ commonName: 'other', hosts: [], usages: [], notBefore });
    writeFileSync(join(directory, 'second-root.pem'), root.certificate);
    writeFileSync(join(directory, 'parameters.pem'), '-----BEGIN DH PARAMETERS-----\n-----END DH PARAMETERS-----\n');
    writeFileSync(join(directory, 'admin-key.pem'), text(directory, 'etcd-key.pem'));
    chmodSync(join(directory, 'etcd-key.pem'), 0o640);
    writeFileSync(join(directory, 'other.pem'), foreign.certificate);
    writeFileSync(join(directory, 'other-key.pem'), 'x');
    writeFileSync(join(directory, 'text.pem'), 'hello');
    const shown = showCertificates(directory, 0, NOW);
    assert.deepEqual(
      shown.map(({ file, state, problems, key }) => [file, state, key, ...problems]),
      [
        ['ca.pem', 'ok', true],
        ['admin.pem', 'broken', true, 'admin-key.pem does not belong to it'],
        ['etcd.pem', 'broken', true, 'etcd-key.pem can be read by others (mode 640): chmod 600'],
        [
          'other.pem',
          'broken',
          true,
          'other-key.pem holds no private key in PEM form without a passphrase',
          'ca.pem did not sign it',
        ],
        ['second-root.pem', 'ok', false],
        ['text.pem', 'broken', false, 'it holds no certificate in PEM form'],
      ],
    );
  });

  test('a directory of a host has no key of the authority; an absent directory has nothing', async (t) => {
    const directory = scratch(t);
    const authority = await createAuthority({ commonName: 'a', notBefore: new Date(NOW - DAY) });
    writeFileSync(join(directory, 'ca.pem'), authority.certificate);
    assert.deepEqual(
      showCertificates(directory, 0, NOW).map(({ state, key }) => [state, key]),
      [['ok', false]],
    );
    assert.deepEqual(showCertificates(join(directory, 'none'), 0, NOW), []);
  });
});

function writeAuthority(directory: string, keyed: { readonly certificate: string; readonly key: string }): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'ca.pem'), keyed.certificate);
  writeFileSync(join(directory, 'ca-key.pem'), keyed.key);
}

function contents(directory: string): readonly (readonly [string, string])[] {
  return readdirSync(directory)
    .sort()
    .map((file) => [file, readFileSync(join(directory, file), 'utf8')]);
}
