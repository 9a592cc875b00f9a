/** BackendData of a wireguard lease: `{"PublicKey":"…","Port":51820}`, in that order; BackendV6Data alike (spec §5.5). */
import { isJsonObject, memberOf } from '#model/json-document.ts';
import type { Json } from '#model/lease.ts';

export interface WireguardLeaseData {
  /** Canonical base64 of 32 bytes. */
  readonly publicKey: string;
  /** Undefined when the lease names none (0, or flannel before 0.26.6): then it is the reader's own port. */
  readonly port: number | undefined;
}

const KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;
const NO_KEY = `${'A'.repeat(43)}=`;

export function formatWireguardLeaseData(publicKey: string, port: number): Json {
  return { PublicKey: publicKey, Port: port };
}

/** `field` names the data in the reason: BackendData or BackendV6Data. */
export function parseWireguardLeaseData(
  data: Json | undefined,
  field: 'BackendData' | 'BackendV6Data' = 'BackendData',
): WireguardLeaseData | { readonly reason: string } {
  if (!isJsonObject(data)) return { reason: `${field} is no object with PublicKey` };
  const publicKey = memberOf(data, 'publickey');
  if (typeof publicKey !== 'string' || !KEY.test(publicKey) || publicKey === NO_KEY) {
    return { reason: `${field}.PublicKey is no WireGuard public key` };
  }
  const port = memberOf(data, 'port') ?? 0;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    return { reason: `${field}.Port is no port from 0 to 65535` };
  }
  return { publicKey, port: port === 0 ? undefined : port };
}
