/** `weft certs show`: every certificate of a directory with its expiry and what is wrong with it. */
import '#pki/reflect-metadata.ts';
import type { X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { certificateHosts, certificateUsages } from './differences.ts';
import { nameText } from './name-text.ts';
import { certificateFile, keyFile, unfinishedPairs } from './store/pair-files.ts';
import { readCertificates, readPrivateKey } from './store/stored-pair.ts';
import { listFiles, readTextFile } from './store/text-file.ts';

export type CertificateState = 'ok' | 'expires soon' | 'expired' | 'not yet valid' | 'broken';

/** One certificate; a bundle has one of these for each. */
export interface ShownCertificate {
  readonly file: string;
  readonly state: CertificateState;
  /** What is wrong, a sentence each. */
  readonly problems: readonly string[];
  readonly subject?: string;
  readonly issuer?: string;
  readonly hosts: readonly string[];
  readonly usages: readonly string[];
  readonly ca: boolean;
  /** Whether its key lies beside it. */
  readonly key: boolean;
  readonly serial?: string;
  readonly fingerprint256?: string;
  /** ISO 8601. */
  readonly notBefore?: string;
  readonly notAfter?: string;
  /** Whole seconds until it expires, negative afterwards. */
  readonly secondsLeft?: number;
}

/** Nothing is changed. Throws Fault `certs.file`. */
export function showCertificates(directory: string, warnBeforeMs: number, nowMs: number): readonly ShownCertificate[] {
  const files = listFiles(directory).filter((file) => file.endsWith('.pem') && !file.endsWith('-key.pem'));
  const authorities = readCertificates(readTextFile(join(directory, certificateFile('ca'))) ?? '');
  const unfinished = new Set(unfinishedPairs(directory));
  // The authority first: all others hang on it.
  const ordered = files.toSorted((a, b) => Number(b === 'ca.pem') - Number(a === 'ca.pem'));
  return ordered.flatMap((file) => {
    const interrupted = unfinished.has(file.slice(0, -'.pem'.length))
      ? ['a run that wrote it was interrupted; the next weft certs issue completes it']
      : [];
    const text = readTextFile(join(directory, file)) ?? '';
    // Keys and parameters are called .pem too.
    if (/-----BEGIN (?!CERTIFICATE)/.test(text) && !text.includes('-----BEGIN CERTIFICATE')) return [];
    const certificates = readCertificates(text);
    if (certificates.length === 0) return [unreadable(file)];
    return certificates.map((certificate, at) => {
      const problems = [
        ...interrupted,
        ...keyProblems(directory, file, certificates),
        ...signerProblems(certificate, authorities),
      ];
      return describe(directory, file, certificate, at === 0 ? problems : [], { warnBeforeMs, nowMs });
    });
  });
}

/** Whether something is to be done about one of them. */
export function needsAttention(shown: readonly ShownCertificate[]): boolean {
  return shown.some(({ state }) => state !== 'ok');
}

function describe(
  directory: string,
  file: string,
  parsed: X509Certificate,
  problems: readonly string[],
  times: { readonly warnBeforeMs: number; readonly nowMs: number },
): ShownCertificate {
  const certificate = new x509.X509Certificate(parsed.raw);
  return {
    file,
    state: problems.length > 0 ? 'broken' : dateState(parsed, times.warnBeforeMs, times.nowMs),
    problems,
    subject: nameText(certificate.subjectName),
    issuer: nameText(certificate.issuerName),
    hosts: certificateHosts(certificate),
    usages: certificateUsages(certificate),
    ca: parsed.ca,
    key: readTextFile(join(directory, keyOf(file))) !== undefined,
    serial: parsed.serialNumber.toLowerCase(),
    fingerprint256: parsed.fingerprint256,
    notBefore: parsed.validFromDate.toISOString(),
    notAfter: parsed.validToDate.toISOString(),
    secondsLeft: Math.floor((parsed.validToDate.getTime() - times.nowMs) / 1000),
  };
}

function dateState(certificate: X509Certificate, warnBeforeMs: number, nowMs: number): CertificateState {
  if (nowMs < certificate.validFromDate.getTime()) return 'not yet valid';
  const leftMs = certificate.validToDate.getTime() - nowMs;
  return leftMs < 0 ? 'expired' : leftMs < warnBeforeMs ? 'expires soon' : 'ok';
}

/** A key may be absent (nobody needs the authority's on a host), but one that is there must fit and be private. */
function keyProblems(directory: string, file: string, certificates: readonly X509Certificate[]): string[] {
  const name = keyOf(file);
  const pem = readTextFile(join(directory, name));
  if (pem === undefined) return [];
  const key = readPrivateKey(pem);
  if (key === undefined) return [`${name} holds no private key in PEM form without a passphrase`];
  const problems = certificates.some((certificate) => certificate.checkPrivateKey(key))
    ? []
    : [`${name} does not belong to it`];
  const mode = statSync(join(directory, name)).mode & 0o777;
  if ((mode & 0o077) !== 0) problems.push(`${name} can be read by others (mode ${mode.toString(8)}): chmod 600`);
  return problems;
}

/** Another root is nobody's to sign. */
function signerProblems(certificate: X509Certificate, authorities: readonly X509Certificate[]): string[] {
  if (certificate.ca && certificate.checkIssued(certificate)) return [];
  const signed = authorities.some(
    (authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
  );
  return signed || authorities.length === 0 ? [] : ['ca.pem did not sign it'];
}

function unreadable(file: string): ShownCertificate {
  const problems = ['it holds no certificate in PEM form'];
  return { file, state: 'broken', problems, hosts: [], usages: [], ca: false, key: false };
}

function keyOf(file: string): string {
  return keyFile(file.slice(0, -'.pem'.length));
}
