/** Key pairs for certificates, and their PEM texts in the forms that cfssl and openssl write. */
import { KeyObject, webcrypto } from 'node:crypto';

/** ECDSA on P-256 (10 ms to make) or RSA with 2048 bits (about 150 ms). */
export type KeyType = 'p256' | 'rsa2048';

const ALGORITHMS = {
  p256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa2048: {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
} as const;

/** How a certificate is signed with a key of this type. */
export function signingAlgorithm(type: KeyType): (typeof ALGORITHMS)[KeyType] {
  return ALGORITHMS[type];
}

/** A new extractable key pair. */
export async function generateKeyPair(type: KeyType): Promise<webcrypto.CryptoKeyPair> {
  const usages: webcrypto.KeyUsage[] = ['sign', 'verify'];
  return type === 'p256'
    ? await webcrypto.subtle.generateKey(ALGORITHMS.p256, true, usages)
    : await webcrypto.subtle.generateKey(ALGORITHMS.rsa2048, true, usages);
}

/** PEM of a private key: SEC1 "EC PRIVATE KEY" or PKCS#1 "RSA PRIVATE KEY". */
export function privateKeyPem(key: webcrypto.CryptoKey): string {
  const object = KeyObject.from(key);
  return object.export({ type: object.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1', format: 'pem' }).toString();
}
