/** What a certificate may be used for, in cfssl's words. */
import './reflect-metadata.ts';
import * as x509 from '@peculiar/x509';

const KEY_USAGE = {
  signing: x509.KeyUsageFlags.digitalSignature,
  'digital signature': x509.KeyUsageFlags.digitalSignature,
  'content commitment': x509.KeyUsageFlags.nonRepudiation,
  'content committment': x509.KeyUsageFlags.nonRepudiation,
  'key encipherment': x509.KeyUsageFlags.keyEncipherment,
  'key agreement': x509.KeyUsageFlags.keyAgreement,
  'data encipherment': x509.KeyUsageFlags.dataEncipherment,
  'cert sign': x509.KeyUsageFlags.keyCertSign,
  'crl sign': x509.KeyUsageFlags.cRLSign,
  'encipher only': x509.KeyUsageFlags.encipherOnly,
  'decipher only': x509.KeyUsageFlags.decipherOnly,
} as const;

const EXTENDED_KEY_USAGE = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
} as const;

export type Usage = keyof typeof KEY_USAGE | keyof typeof EXTENDED_KEY_USAGE;

/** Every word there is. */
export const USAGES: readonly string[] = [...Object.keys(KEY_USAGE), ...Object.keys(EXTENDED_KEY_USAGE)];

export function isUsage(word: string): word is Usage {
  return Object.hasOwn(KEY_USAGE, word) || Object.hasOwn(EXTENDED_KEY_USAGE, word);
}

/** Flags of the key usage extension, 0 for none. */
export function keyUsageFlags(usages: readonly Usage[]): number {
  let flags = 0;
  for (const [word, flag] of Object.entries(KEY_USAGE)) if (usages.some((usage) => usage === word)) flags |= flag;
  return flags;
}

/** Object identifiers of the extended key usage extension, in the order of the words, none twice. */
export function extendedKeyUsages(usages: readonly Usage[]): readonly string[] {
  const table = new Map<string, string>(Object.entries(EXTENDED_KEY_USAGE));
  return [...new Set(usages.flatMap((usage) => table.get(usage) ?? []))];
}

/** The words of a certificate, for people; an unknown object identifier stays as it is. */
export function usageWords(flags: number, identifiers: readonly string[]): readonly string[] {
  const words: string[] = [];
  let rest = flags;
  for (const [word, flag] of Object.entries(KEY_USAGE)) {
    if ((rest & flag) === 0) continue;
    words.push(word);
    rest &= ~flag;
  }
  for (const identifier of identifiers) {
    words.push(Object.entries(EXTENDED_KEY_USAGE).find(([, known]) => known === identifier)?.[0] ?? identifier);
  }
  return words;
}
