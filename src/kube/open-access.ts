/** Chooses the access as flannel does: `-kubeconfig-file` and `-kube-api-url`, or the service account of the Pod. */
import { existsSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { Fault } from '#runtime/fault.ts';
import type { KubeAccess } from './access.ts';
import { apiServerUrl } from './server-url.ts';

export interface KubeAccessOptions {
  /** `-kube-api-url`, empty when not given. */
  readonly apiUrl: string;
  /** `-kubeconfig-file`, empty when not given. */
  readonly kubeconfigFile: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the kubelet puts the service account. */
  readonly serviceAccount?: string;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Throws a Fault `kube.config` for what is given wrongly, `usage.flag` for a URL that is none. */
export async function openAccess(options: KubeAccessOptions): Promise<KubeAccess> {
  const { apiUrl, kubeconfigFile } = options;
  if (kubeconfigFile !== '') {
    // YAML costs a start that does not need it 20 ms.
    const { loadKubeconfig } = await import('./kubeconfig.ts');
    const access = loadKubeconfig(kubeconfigFile);
    return apiUrl === '' ? access : { ...access, url: apiServerUrl(apiUrl, '-kube-api-url') };
  }
  if (apiUrl !== '') return { url: apiServerUrl(apiUrl, '-kube-api-url'), tls: {} };
  return inCluster(options.environment, options.serviceAccount ?? SERVICE_ACCOUNT);
}

function inCluster(environment: KubeAccessOptions['environment'], directory: string): KubeAccess {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = environment;
  if (host === '' || port === '') {
    throw new Fault('kube.config', {
      what: 'no API server is given, and this does not run in a Pod',
      why: 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set',
    });
  }
  const [token, ca] = [join(directory, 'token'), join(directory, 'ca.crt')];
  if (!existsSync(token)) {
    throw new Fault('kube.config', {
      what: 'the Pod has no service account token',
      where: token,
      remedy: 'let the Pod have one (automountServiceAccountToken), or give -kubeconfig-file',
    });
  }
  const url = apiServerUrl(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`, 'KUBERNETES_SERVICE_HOST');
  return { url, tls: existsSync(ca) ? { ca: { path: ca } } : {}, token: { path: token } };
}
