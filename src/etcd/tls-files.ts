/** The files that an etcd connection is given, as `#tls` takes them. */
import type { Credentials } from '#tls/credentials.ts';
import type { TlsPeer } from '#tls/peer.ts';
import type { EtcdOptions } from './api.ts';

export const ETCD: TlsPeer = { faults: 'etcd', name: 'etcd' };

export type TlsFiles = Pick<EtcdOptions, 'caFile' | 'certFile' | 'keyFile'>;

export function credentialsOf({ caFile, certFile, keyFile }: TlsFiles): Credentials {
  return {
    ...(caFile === undefined ? {} : { ca: { path: caFile } }),
    ...(certFile === undefined ? {} : { certificate: { path: certFile } }),
    ...(keyFile === undefined ? {} : { key: { path: keyFile } }),
  };
}
