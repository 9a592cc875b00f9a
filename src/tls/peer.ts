/** The server of a TLS connection, as messages and fault codes call it. */
export interface TlsPeer {
  /** The first part of the codes: `etcd.tls.name`. */
  readonly faults: 'etcd' | 'kube';
  /** `the API server`: stands before a verb, and before `'s certificate`. */
  readonly name: string;
}
