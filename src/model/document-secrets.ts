/** The network document as it may be logged. */
import { foldName } from './json-document.ts';
import type { Json } from './lease.ts';

/** The preshared key of wireguard, and of flannel's ipsec: whoever reads the log shall not be able to join. */
const SECRETS = new Set(['psk']);

/** The same document in one line, with `***` for each secret; the text must be valid JSON. */
export function withoutSecrets(document: string): string {
  return JSON.stringify(JSON.parse(document), (name: string, value: Json) =>
    SECRETS.has(foldName(name)) && value !== '' ? '***' : value,
  );
}
