/** A certificate authority that lives in memory: makes its own key and certificate and issues leaves. For the lab and tests. */
import { generateKeyPair, type KeyType, privateKeyPem } from './key-pair.ts';
import { pemText, type Signer, signLeaf, signRoot, type Validity, validityFrom } from './sign.ts';

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

/** Makes a new authority. */
export async function createAuthority(options: AuthorityOptions): Promise<Authority> {
  const type = options.keyType ?? 'p256';
  const pair = { type, keys: await generateKeyPair(type) };
  const subject = { commonName: options.commonName, names: [] };
  const certificate = await signRoot(subject, pair, validity(options, 3650));
  return {
    certificate: pemText(certificate),
    key: privateKeyPem(pair.keys.privateKey),
    issue: (leaf) => issue(leaf, { certificate, pair }),
  };
}

async function issue(leaf: LeafOptions, signer: Signer): Promise<KeyedCertificate> {
  const keys = await generateKeyPair(leaf.keyType ?? signer.pair.type);
  const template = {
    subject: { commonName: leaf.commonName, names: (leaf.organizations ?? []).map((name) => ({ O: name })) },
    hosts: leaf.hosts,
    usages: ['signing', 'key encipherment', ...leaf.usages.map((usage) => `${usage} auth` as const)] as const,
    ...validity(leaf, 365),
  };
  const certificate = await signLeaf(template, keys.publicKey, signer);
  return { certificate: pemText(certificate), key: privateKeyPem(keys.privateKey) };
}

function validity(options: { readonly notBefore?: Date; readonly notAfter?: Date }, days: number): Validity {
  const standard = validityFrom(Date.now(), days * DAY_MS);
  const notBefore = options.notBefore ?? standard.notBefore;
  return { notBefore, notAfter: options.notAfter ?? new Date(notBefore.getTime() + days * DAY_MS) };
}
