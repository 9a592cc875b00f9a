/** `weft certs renew`: leaves that end soon are signed again as they are, with new dates and, unless told otherwise, a new key. */
import '#pki/reflect-metadata.ts';
import * as x509 from '@peculiar/x509';
import { generateKeyPair, importKeyPair, keyTypeOf, privateKeyPem, type TypedKeyPair } from '#pki/key-pair.ts';
import { pemText, signAgain, signRequestAgain, validityFrom } from '#pki/sign.ts';
import { Fault } from '#runtime/fault.ts';
import { checkClock, type OpenAuthority, openAuthority, stampOf } from './authority-files.ts';
import { isSignedBy } from './issue.ts';
import type { Outcome } from './outcome.ts';
import { withLock } from './store/lock.ts';
import { finishPairs, type PairFiles, writePair } from './store/pair-files.ts';
import { readPair, type StoredPair } from './store/stored-pair.ts';
import { listFiles } from './store/text-file.ts';

export interface RenewOptions {
  /** None: every leaf that ends within `beforeMs`. Those named are renewed in any case. */
  readonly names: readonly string[];
  readonly beforeMs: number;
  readonly sameKey: boolean;
}

type Pair = StoredPair & { readonly state: 'pair' };

/** Throws Fault `certs.…`; what was renewed until then stays. */
export async function renewLeaves(
  directory: string,
  options: RenewOptions,
  nowMs: number,
): Promise<readonly Outcome[]> {
  checkClock(nowMs);
  if (options.names.includes('ca')) {
    const remedy =
      'a new authority must reach every host before the first certificate that it signs: this is not done here';
    throw new Fault('usage.flag', { what: 'ca is the authority itself, which is not renewed', remedy });
  }
  return withLock(directory, async () => {
    finishPairs(directory);
    const authority = await openAuthority(directory, nowMs);
    const names = options.names.length > 0 ? [...new Set(options.names)] : leafNames(directory);
    const pairs = names.map((name) => ({ name, pair: requirePair(directory, name, authority) }));
    const outcomes = pairs.map(async ({ name, pair }) => {
      const leftMs = pair.certificate.validToDate.getTime() - nowMs;
      if (options.names.length === 0 && leftMs >= options.beforeMs) return { name, pair };
      return { name, pair, files: await renew(name, pair, options.sameKey, authority, nowMs) };
    });
    return (await Promise.all(outcomes)).map(({ name, pair, files }) => settle(directory, name, pair, files));
  });
}

function leafNames(directory: string): readonly string[] {
  const files = listFiles(directory);
  return files.flatMap((file) => {
    const name = /^(.+)\.pem$/.exec(file)?.[1];
    return name === undefined || name === 'ca' || !files.includes(`${name}-key.pem`) ? [] : [name];
  });
}

function requirePair(directory: string, name: string, authority: OpenAuthority): Pair {
  const pair = readPair(directory, name);
  const where = `${directory}/${name}.pem`;
  const remedy = `make it anew: weft certs issue ${name}`;
  if (pair.state === 'absent')
    throw new Fault('certs.leaf', { what: `there is no certificate ${name}`, where, remedy });
  if (pair.state === 'unusable') {
    throw new Fault('certs.leaf', {
      what: `the certificate ${name} cannot be renewed`,
      where,
      why: pair.reason,
      remedy,
    });
  }
  if (isSignedBy(authority, pair)) return pair;
  const what = `the certificate ${name} cannot be renewed`;
  throw new Fault('certs.leaf', { what, where, why: 'another authority signed it', remedy });
}

interface Renewed {
  readonly files: PairFiles;
  readonly notAfter: Date;
}

async function renew(
  name: string,
  pair: Pair,
  sameKey: boolean,
  authority: OpenAuthority,
  nowMs: number,
): Promise<Renewed> {
  const before = new x509.X509Certificate(pair.certificate.raw);
  const validity = validityFrom(nowMs, before.notAfter.getTime() - before.notBefore.getTime());
  const keys = sameKey ? await importKeyPair(pair.keyPem) : await newKeys(pair);
  if (keys === undefined) {
    const what = `the key of ${name} is of a kind that is not used here`;
    throw new Fault('certs.leaf', { what, remedy: `make certificate and key anew: weft certs issue ${name}` });
  }
  const files = {
    name,
    certificate: pemText(await signAgain(before, validity, keys.keys.publicKey, authority)),
    key: sameKey ? pair.keyPem : privateKeyPem(keys.keys.privateKey),
    request: await signRequestAgain(before, keys),
    keep: [],
    stamp: stampOf(nowMs),
  };
  return { files, notAfter: validity.notAfter };
}

async function newKeys(pair: Pair): Promise<TypedKeyPair | undefined> {
  const type = keyTypeOf(pair.key);
  return type && { type, keys: await generateKeyPair(type) };
}

function settle(directory: string, name: string, pair: Pair, renewed: Renewed | undefined): Outcome {
  const { validToDate } = pair.certificate;
  if (renewed === undefined)
    return { name, action: 'kept', reasons: [], backups: [], expires: validToDate.toISOString() };
  writePair(directory, renewed.files);
  const reasons = [`the one before ends on ${validToDate.toISOString()}`];
  return { name, action: 'made anew', reasons, backups: [], expires: renewed.notAfter.toISOString() };
}
