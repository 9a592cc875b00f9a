/** `weft certs issue`: every leaf that is missing or not what it should be is made; the others stay as they are. */
import '#pki/reflect-metadata.ts';
import type { X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { generateKeyPair, keyTypeOf, privateKeyPem } from '#pki/key-pair.ts';
import { pemText, signLeaf, signRequest, validityFrom } from '#pki/sign.ts';
import { Fault } from '#runtime/fault.ts';
import { checkClock, type OpenAuthority, openAuthority, stampOf } from './authority-files.ts';
import { certificateDifferences, certificateHosts } from './differences.ts';
import { type Inputs, readInputs } from './inputs.ts';
import { type LeafFlags, leafRequest, type Present, STANDARD_NAMES } from './leaf-request.ts';
import type { Outcome } from './outcome.ts';
import type { LeafRequest } from './request.ts';
import { withLock } from './store/lock.ts';
import { finishPairs, type PairFiles, writePair } from './store/pair-files.ts';
import { readPair, type StoredPair } from './store/stored-pair.ts';

/** What is to be done about one name. */
interface Decision {
  readonly request: LeafRequest;
  readonly reasons: readonly string[];
  readonly stored: StoredPair;
  /** Whether what is there may be replaced without a copy: signed by this authority, with its key. */
  readonly ours: boolean;
}

/**
 * `names`: none for all that have an input, or the standard ones when there is no input.
 * Throws Fault `certs.…`; what was made until then stays.
 */
export async function issueLeaves(
  directory: string,
  names: readonly string[],
  flags: LeafFlags,
  nowMs: number,
): Promise<readonly Outcome[]> {
  checkClock(nowMs);
  const inputs = readInputs(directory);
  const wanted = names.length > 0 ? [...new Set(names)] : standardNames(inputs);
  for (const name of wanted) checkName(name);
  return withLock(directory, async () => {
    const finished = finishPairs(directory);
    const authority = await openAuthority(directory, nowMs);
    // All are judged before the first is made: a wrong one among them changes nothing.
    const decisions = wanted.map((name) => decide(directory, name, inputs, flags, authority, nowMs));
    // Keys take the time, so they are made side by side.
    const made = await Promise.all(decisions.map((decision) => make(decision, authority, nowMs)));
    return decisions.map((decision, at) => settle(directory, decision, made[at], finished));
  });
}

function standardNames(inputs: Inputs): readonly string[] {
  const named = [...inputs.requests.keys()].filter((name) => name !== 'ca');
  return named.length > 0 ? named : STANDARD_NAMES;
}

function checkName(name: string): void {
  if (name === 'ca') {
    throw new Fault('usage.flag', { what: 'ca is the authority itself', remedy: 'make it with weft certs init' });
  }
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(name) || name.endsWith('-key')) {
    const what = `${JSON.stringify(name)} cannot be the name of a certificate`;
    throw new Fault('usage.flag', {
      what,
      remedy: 'letters, digits, dots, - and _; it becomes NAME.pem and NAME-key.pem',
    });
  }
}

function decide(
  directory: string,
  name: string,
  inputs: Inputs,
  flags: LeafFlags,
  authority: OpenAuthority,
  nowMs: number,
): Decision {
  const stored = readPair(directory, name);
  const ours = stored.state === 'pair' && isSignedBy(authority, stored);
  const before = ours ? presentOf(stored.certificate) : undefined;
  const request = leafRequest(name, inputs, flags, before);
  return { request, stored, ours, reasons: reasonsOf(stored, ours, request, nowMs) };
}

function presentOf(certificate: X509Certificate): Present {
  const keyType = keyTypeOf(certificate.publicKey);
  const hosts = certificateHosts(new x509.X509Certificate(certificate.raw));
  return { hosts, ...(keyType !== undefined && { keyType }) };
}

export function isSignedBy(
  authority: OpenAuthority,
  { certificate }: StoredPair & { readonly state: 'pair' },
): boolean {
  return certificate.checkIssued(authority.parsed) && certificate.verify(authority.parsed.publicKey);
}

function reasonsOf(stored: StoredPair, ours: boolean, request: LeafRequest, nowMs: number): readonly string[] {
  if (stored.state === 'absent') return [];
  if (stored.state === 'unusable') return [stored.reason];
  if (!ours) return ['another authority signed it'];
  return certificateDifferences(stored.certificate, request, nowMs);
}

interface Made {
  readonly files: PairFiles;
  readonly notAfter: Date;
}

async function make(decision: Decision, authority: OpenAuthority, nowMs: number): Promise<Made | undefined> {
  const { request, stored, ours, reasons } = decision;
  if (stored.state === 'pair' && reasons.length === 0) return undefined;
  const { subject, hosts, profile, keyType, name } = request;
  const pair = { type: keyType, keys: await generateKeyPair(keyType) };
  const validity = validityFrom(nowMs, profile.lifeMs, profile.backdateMs);
  const template = { subject, hosts, usages: profile.usages, ...validity };
  const files = {
    name,
    certificate: pemText(await signLeaf(template, pair.keys.publicKey, authority)),
    key: privateKeyPem(pair.keys.privateKey),
    request: await signRequest(subject, hosts, pair),
    keep: ours ? [] : stored.files,
    stamp: stampOf(nowMs),
  };
  return { files, notAfter: validity.notAfter };
}

function settle(
  directory: string,
  { request, reasons, stored }: Decision,
  made: Made | undefined,
  finished: readonly string[],
): Outcome {
  const { name } = request;
  if (made === undefined) {
    const expires = stored.state === 'pair' ? stored.certificate.validToDate.toISOString() : '';
    return { name, action: finished.includes(name) ? 'completed' : 'kept', reasons: [], backups: [], expires };
  }
  const backups = writePair(directory, made.files);
  const action = stored.state === 'absent' ? 'made' : 'made anew';
  return { name, action, reasons, backups, expires: made.notAfter.toISOString() };
}
