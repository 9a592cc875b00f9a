/** Why a certificate that is there is not the one that is wanted. */
import '#pki/reflect-metadata.ts';
import type { X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { normalHost } from '#pki/alternative-names.ts';
import { keyTypeOf } from '#pki/key-pair.ts';
import { extendedKeyUsages, keyUsageFlags, usageWords } from '#pki/usages.ts';
import { nameText, subjectText } from './name-text.ts';
import type { LeafRequest } from './request.ts';

/** A sentence for each; none when the certificate can stay. Its signer is another question. */
export function certificateDifferences(is: X509Certificate, wanted: LeafRequest, nowMs: number): readonly string[] {
  const certificate = new x509.X509Certificate(is.raw);
  return [
    ...dateDifferences(is, nowMs),
    ...nameDifferences(nameText(certificate.subjectName), subjectText(wanted.subject)),
    ...hostDifferences(certificateHosts(certificate), wanted.hosts),
    ...usageDifferences(certificate, wanted),
    ...keyDifferences(keyTypeOf(is.publicKey) ?? 'of another kind', wanted.keyType),
  ];
}

/** What the certificate is valid for, in its own order. */
export function certificateHosts(certificate: x509.X509Certificate): readonly string[] {
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  return names.map(({ type, value }) => (type === 'ip' ? normalHost(value) : value));
}

function dateDifferences(is: X509Certificate, nowMs: number): string[] {
  if (nowMs > is.validToDate.getTime()) return [`it expired on ${is.validToDate.toISOString()}`];
  if (nowMs < is.validFromDate.getTime()) return [`it is not valid before ${is.validFromDate.toISOString()}`];
  return [];
}

function nameDifferences(is: string, wanted: string): string[] {
  return is === wanted ? [] : [`its name is ${is}, wanted is ${wanted}`];
}

function hostDifferences(is: readonly string[], wanted: readonly string[]): string[] {
  const [there, asked] = [new Set(is.map(normalHost)), new Set(wanted.map(normalHost))];
  const missing = [...asked].filter((host) => !there.has(host));
  const surplus = [...there].filter((host) => !asked.has(host));
  return [
    ...(missing.length === 0 ? [] : [`hosts added: ${missing.join(', ')}`]),
    ...(surplus.length === 0 ? [] : [`hosts removed: ${surplus.join(', ')}`]),
  ];
}

function usageDifferences(is: x509.X509Certificate, { profile: { usages } }: LeafRequest): string[] {
  const there = certificateUsages(is);
  const asked = usageWords(keyUsageFlags(usages), extendedKeyUsages(usages));
  const same = [...there].sort().join() === [...asked].sort().join();
  return same ? [] : [`its usages are ${there.join(', ') || 'none'}, wanted are ${asked.join(', ')}`];
}

/** The usages of a certificate in cfssl's words. */
export function certificateUsages(certificate: x509.X509Certificate): readonly string[] {
  const flags = certificate.getExtension(x509.KeyUsagesExtension)?.usages ?? 0;
  const extended = certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? [];
  return usageWords(flags, extended.map(String));
}

function keyDifferences(is: string, wanted: string): string[] {
  return is === wanted ? [] : [`its key is ${is}, wanted is ${wanted}`];
}
