/**
 * Certificates and requests out of their parts, field by field as cfssl makes them. For operators' commands, the lab and
 * tests; the agent never imports this (it costs 13 MB and 200 ms).
 */
import './reflect-metadata.ts';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { alternativeNames } from './alternative-names.ts';
import { signingAlgorithm, type TypedKeyPair } from './key-pair.ts';
import { type Subject, subjectName } from './subject.ts';
import { extendedKeyUsages, keyUsageFlags, type Usage } from './usages.ts';

x509.cryptoProvider.set(webcrypto);

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** What signs: an authority's certificate with its key. */
export interface Signer {
  readonly certificate: x509.X509Certificate;
  readonly pair: TypedKeyPair;
}

export interface LeafTemplate extends Validity {
  readonly subject: Subject;
  /** DNS names, mail and IP addresses, in any order. */
  readonly hosts: readonly string[];
  readonly usages: readonly Usage[];
}

const MINUTE_MS = 60_000;

/** So many milliseconds from five minutes ago, on the minute: clocks of hosts differ a little. */
export function validityFrom(nowMs: number, lengthMs: number, backdateMs = 5 * MINUTE_MS): Validity {
  const notBeforeMs = Math.floor((nowMs - backdateMs) / MINUTE_MS) * MINUTE_MS;
  return { notBefore: new Date(notBeforeMs), notAfter: new Date(notBeforeMs + lengthMs) };
}

/** A root: it may sign certificates, and the length of the path below it is not limited, as cfssl does it. */
export async function signRoot(
  subject: Subject,
  pair: TypedKeyPair,
  validity: Validity,
): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: subjectName(subject),
    ...validity,
    keys: pair.keys,
    signingAlgorithm: signingAlgorithm(pair.type),
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.BasicConstraintsExtension(true, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(pair.keys.publicKey),
    ],
  });
}

/** A certificate for a server or a client. */
export async function signLeaf(
  template: LeafTemplate,
  publicKey: webcrypto.CryptoKey,
  signer: Signer,
): Promise<x509.X509Certificate> {
  const flags = keyUsageFlags(template.usages);
  const extended = extendedKeyUsages(template.usages);
  const { subject, notBefore, notAfter } = template;
  const extensions = [
    ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
    ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension([...extended])]),
    new x509.BasicConstraintsExtension(false, undefined, true),
  ];
  const own = new x509.Name(subjectName(subject));
  return sign(
    { subject: own, notBefore, notAfter, extensions, names: hostExtension(template.hosts) },
    publicKey,
    signer,
  );
}

/** The same certificate once more: other dates, another serial number, perhaps another key. */
export async function signAgain(
  certificate: x509.X509Certificate,
  validity: Validity,
  publicKey: webcrypto.CryptoKey,
  signer: Signer,
): Promise<x509.X509Certificate> {
  const of = (type: string): x509.Extension[] => certificate.extensions.filter((extension) => extension.type === type);
  const extensions = [...of(KEY_USAGE), ...of(EXTENDED_KEY_USAGE), ...of(BASIC_CONSTRAINTS)];
  const again = { subject: certificate.subjectName, ...validity, extensions, names: of(ALTERNATIVE_NAMES) };
  return sign(again, publicKey, signer);
}

/** A signing request, which cfssl leaves beside each certificate, as PEM. */
export async function signRequest(subject: Subject, hosts: readonly string[], pair: TypedKeyPair): Promise<string> {
  return request(new x509.Name(subjectName(subject)), hostExtension(hosts), pair);
}

/** The request that this certificate could have been made from, with this key. */
export async function signRequestAgain(certificate: x509.X509Certificate, pair: TypedKeyPair): Promise<string> {
  const names = certificate.extensions.filter(({ type }) => type === ALTERNATIVE_NAMES);
  return request(certificate.subjectName, names, pair);
}

async function request(name: x509.Name, extensions: x509.Extension[], pair: TypedKeyPair): Promise<string> {
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys: pair.keys,
    signingAlgorithm: signingAlgorithm(pair.type),
    extensions,
  });
  return pemText(made);
}

export function pemText(data: x509.X509Certificate | x509.Pkcs10CertificateRequest): string {
  return `${data.toString('pem').trimEnd()}\n`;
}

const KEY_USAGE = '2.5.29.15';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const BASIC_CONSTRAINTS = '2.5.29.19';
const ALTERNATIVE_NAMES = '2.5.29.17';

interface SignRequest extends Validity {
  readonly subject: x509.Name;
  readonly extensions: readonly x509.Extension[];
  readonly names: readonly x509.Extension[];
}

async function sign(
  request: SignRequest,
  publicKey: webcrypto.CryptoKey,
  signer: Signer,
): Promise<x509.X509Certificate> {
  // What the authority calls its own key, however it came to that.
  const keyId = signer.certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  return x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: request.subject,
    // As it stands there, byte for byte: some compare names so.
    issuer: signer.certificate.subjectName,
    notBefore: request.notBefore,
    notAfter: request.notAfter,
    publicKey,
    signingKey: signer.pair.keys.privateKey,
    signingAlgorithm: signingAlgorithm(signer.pair.type),
    extensions: [
      ...request.extensions,
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      keyId === undefined
        ? await x509.AuthorityKeyIdentifierExtension.create(signer.pair.keys.publicKey)
        : new x509.AuthorityKeyIdentifierExtension(keyId),
      ...request.names,
    ],
  });
}

function hostExtension(hosts: readonly string[]): x509.Extension[] {
  return hosts.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternativeNames(hosts))];
}

/** 159 random bits: positive and within the 20 octets of RFC 5280. */
function serialNumber(): string {
  const bytes = randomBytes(20);
  bytes.writeUInt8(bytes.readUInt8(0) & 0x7f, 0);
  return bytes.toString('hex');
}
