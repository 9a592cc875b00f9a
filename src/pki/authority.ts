/**
 * A certificate authority that lives in memory: makes its own key and certificate and issues leaves for servers and
 * clients. For operators' commands, the lab and tests; the agent never imports this (it costs 13 MB and 200 ms).
 */
import './reflect-metadata.ts';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { generateKeyPair, type KeyType, privateKeyPem, signingAlgorithm } from './key-pair.ts';

/** A certificate and its private key as PEM texts. */
export interface KeyedCertificate {
  readonly certificate: string;
  readonly key: string;
}

export interface AuthorityOptions {
  readonly commonName: string;
  /** Default `p256`; also what its leaves get unless they ask otherwise. */
  readonly keyType?: KeyType;
  /** Default: now less five minutes, on the minute. */
  readonly notBefore?: Date;
  /** Default: ten years after notBefore. */
  readonly notAfter?: Date;
}

export type CertificateUsage = 'server' | 'client';

export interface LeafOptions {
  readonly commonName: string;
  /** Organisation names (O); Kubernetes reads them as groups. */
  readonly organizations?: readonly string[];
  /** DNS names and IP addresses, in any order: names come first in the certificate. */
  readonly hosts: readonly string[];
  readonly usages: readonly CertificateUsage[];
  readonly keyType?: KeyType;
  /** Default: now less five minutes, on the minute. */
  readonly notBefore?: Date;
  /** Default: one year after notBefore. */
  readonly notAfter?: Date;
}

export interface Authority extends KeyedCertificate {
  issue(leaf: LeafOptions): Promise<KeyedCertificate>;
}

const DAY_MS = 86_400_000;
const USAGE_OID = { server: x509.ExtendedKeyUsage.serverAuth, client: x509.ExtendedKeyUsage.clientAuth } as const;

/** Makes a new authority. Its certificate may sign leaves only (path length is not limited, as cfssl does it). */
export async function createAuthority(options: AuthorityOptions): Promise<Authority> {
  x509.cryptoProvider.set(webcrypto);
  const keyType = options.keyType ?? 'p256';
  const keys = await generateKeyPair(keyType);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [options.commonName] }],
    ...validity(options, 3650),
    keys,
    signingAlgorithm: signingAlgorithm(keyType),
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.BasicConstraintsExtension(true, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: pemText(certificate),
    key: privateKeyPem(keys.privateKey),
    issue: (leaf) => issue(leaf, { certificate, privateKey: keys.privateKey, keyType }),
  };
}

interface Signer {
  readonly certificate: x509.X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
  readonly keyType: KeyType;
}

async function issue(leaf: LeafOptions, signer: Signer): Promise<KeyedCertificate> {
  const keyType = leaf.keyType ?? signer.keyType;
  const keys = await generateKeyPair(keyType);
  const name: x509.JsonName = [{ CN: [leaf.commonName] }];
  for (const organization of leaf.organizations ?? []) name.unshift({ O: [organization] });
  const keyUsages = x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment;
  const hosts = alternativeNames(leaf.hosts);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: name,
    issuer: signer.certificate.subject,
    ...validity(leaf, 365),
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: signingAlgorithm(signer.keyType),
    extensions: [
      new x509.KeyUsagesExtension(keyUsages, true),
      new x509.ExtendedKeyUsageExtension(leaf.usages.map((usage) => USAGE_OID[usage])),
      new x509.BasicConstraintsExtension(false, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(signer.certificate.publicKey),
      ...(hosts.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(hosts)]),
    ],
  });
  return { certificate: pemText(certificate), key: privateKeyPem(keys.privateKey) };
}

function alternativeNames(hosts: readonly string[]): x509.JsonGeneralNames {
  const names = hosts.map((host) => ({ type: isIP(host) === 0 ? 'dns' : 'ip', value: host }) as const);
  return [...names.filter((name) => name.type === 'dns'), ...names.filter((name) => name.type === 'ip')];
}

function validity(
  options: { readonly notBefore?: Date; readonly notAfter?: Date },
  days: number,
): { notBefore: Date; notAfter: Date } {
  const minuteMs = 60_000;
  const notBefore = options.notBefore ?? new Date(Math.floor(Date.now() / minuteMs - 5) * minuteMs);
  return { notBefore, notAfter: options.notAfter ?? new Date(notBefore.getTime() + days * DAY_MS) };
}

/** 159 random bits: positive and within the 20 octets of RFC 5280. */
function serialNumber(): string {
  const bytes = randomBytes(20);
  bytes.writeUInt8(bytes.readUInt8(0) & 0x7f, 0);
  return bytes.toString('hex');
}

function pemText(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trimEnd()}\n`;
}
