/**
 * WireGuard keys: 32 bytes, written in base64 as `wg` and the leases do. Curve25519 comes from node:crypto, so no other
 * program ever sees a private key.
 */
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';

/** Canonical base64 of 32 bytes, 44 characters. Two keys are equal when their texts are. */
export type WireguardKey = string;

const KEY_BYTES = 32;
const CANONICAL_LENGTH = 44;
/** PKCS #8 before the 32 bytes of an X25519 private key (RFC 8410 §7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** The canonical text of a key, white space around it dropped; undefined when it is none or all its bytes are zero. */
export function parseKey(text: string): WireguardKey | undefined {
  const trimmed = text.trim();
  if (trimmed.length !== CANONICAL_LENGTH || !/^[A-Za-z0-9+/]{43}=$/.test(trimmed)) return undefined;
  const bytes = Buffer.from(trimmed, 'base64');
  const key = bytes.toString('base64');
  // Two bits of the last character carry nothing: Go's strict decoder refuses other spellings, and so do we.
  return key === trimmed && bytes.some((byte) => byte !== 0) ? key : undefined;
}

/** The 32 bytes of a key. */
export function keyBytes(key: WireguardKey): Buffer {
  return Buffer.from(key, 'base64');
}

/** The key of these bytes; undefined when they are not 32, or all zero, which is how both interfaces say "none". */
export function keyFromBytes(bytes: Uint8Array): WireguardKey | undefined {
  if (bytes.length !== KEY_BYTES || bytes.every((byte) => byte === 0)) return undefined;
  return Buffer.from(bytes).toString('base64');
}

/** A new private key, clamped as Curve25519 wants it. */
export function generatePrivateKey(): WireguardKey {
  const bytes = randomBytes(KEY_BYTES);
  bytes.writeUInt8(bytes.readUInt8(0) & 248, 0);
  bytes.writeUInt8((bytes.readUInt8(31) & 127) | 64, 31);
  return bytes.toString('base64');
}

/** The public key that belongs to a private one. */
export function publicKeyOf(privateKey: WireguardKey): WireguardKey {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, keyBytes(privateKey)]),
    format: 'der',
    type: 'pkcs8',
  });
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES).toString('base64');
}
