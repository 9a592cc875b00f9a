/** Which etcd API holds the network, told from a look at both. */
import { Fault } from '#runtime/fault.ts';

export const ETCD_APIS = ['v2', 'v3'] as const;
export type EtcdApi = (typeof ETCD_APIS)[number];
/** What `--etcd-api` says. */
export type EtcdApiOption = EtcdApi | 'auto';

/** What reading `<prefix>/config` gave. */
export type ConfigLook = { readonly document: string | undefined } | { readonly fault: Fault };

export interface ApiChoice {
  readonly api: EtcdApi;
  /** Whether the network is there; else it is only where to write it. */
  readonly found: boolean;
}

/** Waits for a reading: a Fault is a finding, too. */
export async function lookAt(reading: Promise<string | undefined>): Promise<ConfigLook> {
  try {
    return { document: await reading };
  } catch (error) {
    if (error instanceof Fault) return { fault: error };
    throw error;
  }
}

/**
 * v3 when it has a network, then v2. A side that cannot be asked now may hold one: that is its Fault, thrown. A side
 * whose API is not served holds none, as long as the other one is served.
 */
export function chooseApi(v3: ConfigLook, v2: ConfigLook): ApiChoice {
  if ('document' in v3) {
    if (v3.document !== undefined) return { api: 'v3', found: true };
    if ('fault' in v2 && !isNotServed(v2.fault)) throw v2.fault;
    const found = 'document' in v2 && v2.document !== undefined;
    return { api: found ? 'v2' : 'v3', found };
  }
  if (!isNotServed(v3.fault)) throw v3.fault;
  if ('fault' in v2) throw isNotServed(v2.fault) ? v3.fault : v2.fault;
  return { api: 'v2', found: v2.document !== undefined };
}

/** An etcd of before 3.0 answers v3 with HTTP/1.1, over TLS or in the clear; a later one may have v2 switched off. */
function isNotServed({ code }: Fault): boolean {
  return code === 'etcd.protocol' || code === 'etcd.tls.handshake';
}
