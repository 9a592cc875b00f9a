/** How the API server is reached and as whom: a value, made from flags, a kubeconfig or a Pod's service account. */

import type { Credentials } from '#tls/credentials.ts';

export interface KubeTls extends Credentials {
  /** The name that the certificate must be for, where it is not the host of the URL. */
  readonly serverName?: string;
  /** The certificate is not looked at. */
  readonly insecure?: boolean;
}

/** A file is read anew for each request: service account tokens live an hour. */
export type TokenSource = { readonly path: string } | { readonly token: string };

export interface KubeAccess {
  /** `https://10.96.0.1:443`, maybe with a path; no slash at its end. */
  readonly url: string;
  readonly tls: KubeTls;
  readonly token?: TokenSource;
}
