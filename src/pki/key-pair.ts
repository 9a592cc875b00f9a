/** Key pairs for certificates, and their PEM texts in the forms that cfssl and openssl write. */
import { createPrivateKey, createPublicKey, KeyObject, webcrypto } from 'node:crypto';

/** ECDSA on P-256 (10 ms to make), P-384 or P-521, or RSA (2048 bits: about 150 ms). */
export type KeyType = 'p256' | 'p384' | 'p521' | 'rsa2048' | 'rsa3072' | 'rsa4096';

/** A pair that signs and can be written to a file. */
export interface TypedKeyPair {
  readonly type: KeyType;
  readonly keys: webcrypto.CryptoKeyPair;
}

// The longer the key, the longer the digest, as cfssl chooses it.
const ALGORITHMS = {
  p256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  p384: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  p521: { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
  rsa2048: rsa(2048, 'SHA-256'),
  rsa3072: rsa(3072, 'SHA-384'),
  rsa4096: rsa(4096, 'SHA-512'),
} as const;

const CURVE_TYPES: Readonly<Record<string, KeyType>> = { prime256v1: 'p256', secp384r1: 'p384', secp521r1: 'p521' };

/** How a certificate is signed with a key of this type. */
export function signingAlgorithm(type: KeyType): (typeof ALGORITHMS)[KeyType] {
  return ALGORITHMS[type];
}

/** A new extractable key pair. */
export async function generateKeyPair(type: KeyType): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = ALGORITHMS[type];
  const usages: webcrypto.KeyUsage[] = ['sign', 'verify'];
  return 'namedCurve' in algorithm
    ? await webcrypto.subtle.generateKey(algorithm, true, usages)
    : await webcrypto.subtle.generateKey(algorithm, true, usages);
}

/**
 * The pair of a private key in PEM (PKCS#1, SEC1 or PKCS#8). Undefined for a kind of key that nothing is signed with here
 * (Ed25519, RSA below 2048 bits); an Error when the text holds no readable key.
 */
export async function importKeyPair(pem: string): Promise<TypedKeyPair | undefined> {
  const privateKey = createPrivateKey(pem);
  const type = keyTypeOf(privateKey);
  if (type === undefined) return undefined;
  const algorithm = ALGORITHMS[type];
  const { subtle } = webcrypto;
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return {
    type,
    keys: {
      privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']),
      publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
    },
  };
}

/** The type of a key; an RSA key of a length between two types counts as the shorter. */
export function keyTypeOf(key: KeyObject): KeyType | undefined {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec') return CURVE_TYPES[namedCurve];
  if (key.asymmetricKeyType !== 'rsa' || modulusLength < 2048) return undefined;
  return modulusLength >= 4096 ? 'rsa4096' : modulusLength >= 3072 ? 'rsa3072' : 'rsa2048';
}

/** PEM of a private key: SEC1 "EC PRIVATE KEY" or PKCS#1 "RSA PRIVATE KEY". */
export function privateKeyPem(key: webcrypto.CryptoKey): string {
  const object = KeyObject.from(key);
  return object.export({ type: object.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1', format: 'pem' }).toString();
}

function rsa<Hash extends string>(modulusLength: number, hash: Hash) {
  return { name: 'RSASSA-PKCS1-v1_5', modulusLength, publicExponent: new Uint8Array([1, 0, 1]), hash } as const;
}
