/** The authority of a directory: opened and checked, or made when there is none. */
import '#pki/reflect-metadata.ts';
import type { X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { generateKeyPair, importKeyPair, type KeyType, keyTypeOf, privateKeyPem } from '#pki/key-pair.ts';
import { pemText, type Signer, signRequest, signRoot, validityFrom } from '#pki/sign.ts';
import { Fault } from '#runtime/fault.ts';
import { nameText, subjectText } from './name-text.ts';
import { type CertificateRequest, TEN_YEARS_MS } from './request.ts';
import { writePair } from './store/pair-files.ts';
import { readPair } from './store/stored-pair.ts';

/** The signer, and its certificate as Node reads it. */
export interface OpenAuthority extends Signer {
  readonly parsed: X509Certificate;
}

/** Throws Fault `certs.ca-missing`, `.ca-unusable`, `.ca-expired` or `.clock`. */
export async function openAuthority(directory: string, nowMs: number): Promise<OpenAuthority> {
  const stored = readPair(directory, 'ca');
  const where = `${directory}/ca.pem`;
  if (stored.state === 'absent') throw new Fault('certs.ca-missing', { what: 'there is no authority', where });
  if (stored.state === 'unusable') {
    throw new Fault('certs.ca-unusable', { what: 'the authority cannot be used', where, why: stored.reason });
  }
  const { certificate: parsed, keyPem } = stored;
  if (!parsed.ca) {
    const why = 'it says of itself that it is no CA (basic constraints), so nobody would trust what it signs';
    throw new Fault('certs.ca-unusable', { what: 'the certificate is no authority', where, why });
  }
  checkDates(parsed, where, nowMs);
  const pair = await importKeyPair(keyPem);
  if (pair === undefined) {
    const why = `a key of this kind (${stored.key.asymmetricKeyType}) is not signed with here: RSA from 2048 bits, or ECDSA`;
    throw new Fault('certs.ca-unusable', { what: 'the key of the authority cannot be used', where, why });
  }
  return { certificate: new x509.X509Certificate(parsed.raw), pair, parsed };
}

/** A request for a root, its name as cfssl would give it. Writes ca.pem, ca-key.pem, ca.csr. */
export async function makeAuthority(directory: string, request: CertificateRequest, nowMs: number): Promise<void> {
  // cfssl's own choice for an input without a key.
  const type = request.keyType ?? 'p256';
  const pair = { type, keys: await generateKeyPair(type) };
  const validity = validityFrom(nowMs, request.rootLifeMs ?? TEN_YEARS_MS);
  const certificate = await signRoot(request.subject, pair, validity);
  writePair(directory, {
    name: 'ca',
    certificate: pemText(certificate),
    key: privateKeyPem(pair.keys.privateKey),
    request: await signRequest(request.subject, request.hosts, pair),
    keep: readPair(directory, 'ca').files,
    stamp: stampOf(nowMs),
  });
}

/** In which way an authority is not what is asked for; it is kept all the same. */
export function authorityDifferences(authority: OpenAuthority, wanted: Partial<CertificateRequest>): readonly string[] {
  const differences: string[] = [];
  const name = nameText(authority.certificate.subjectName);
  const wantedName = wanted.subject === undefined ? name : subjectText(wanted.subject);
  if (name !== wantedName) differences.push(`its name is ${name}, wanted is ${wantedName}`);
  const type: KeyType | undefined = keyTypeOf(authority.parsed.publicKey);
  if (wanted.keyType !== undefined && type !== wanted.keyType) {
    differences.push(`its key is ${type ?? 'of another kind'}, wanted is ${wanted.keyType}`);
  }
  return differences;
}

/** Part of the names of copies: `20261120T185500Z`. */
export function stampOf(nowMs: number): string {
  return new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
}

/** Long before this program was written: no clock can be right. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/** Throws Fault `certs.clock` when certificates made now would be wrong everywhere else. */
export function checkClock(nowMs: number): void {
  if (nowMs >= EARLIEST_MS) return;
  throw new Fault('certs.clock', {
    what: `the clock of this machine is wrong: it says ${new Date(nowMs).toISOString()}`,
    why: 'that is before this program was made; certificates would carry wrong dates',
  });
}

function checkDates(certificate: X509Certificate, where: string, nowMs: number): void {
  const { validFromDate: from, validToDate: to } = certificate;
  const now = `it is now ${new Date(nowMs).toISOString()}`;
  if (nowMs < from.getTime()) {
    const what = `the authority is not valid before ${from.toISOString()}`;
    throw new Fault('certs.clock', { what, where, why: `${now}, so this clock or the one it was made by is wrong` });
  }
  if (nowMs > to.getTime()) {
    const what = `the authority expired on ${to.toISOString()}`;
    throw new Fault('certs.ca-expired', { what, where, why: now });
  }
}
