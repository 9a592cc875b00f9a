/** What will stand on the fabric, as far as kubeconfig and the environment script name it. */
import { object } from '#inventory/shape/object.ts';
import { text } from '#inventory/shape/scalars.ts';
import type { ValueOf } from '#inventory/shape/shape.ts';
import { cidr, hostName, ip, localPath, plainName } from './words.ts';

const apiServer = text({
  expected: 'an address such as https://10.0.0.1:6443',
  pattern: /^https:\/\/[A-Za-z0-9.:[\]-]+$/,
  sample: 'https://10.0.0.1:6443',
  longest: 300,
});
const nodePorts = text({
  expected: 'two ports such as 30000-32767',
  pattern: /^\d{1,5}-\d{1,5}$/,
  sample: '30000-32767',
});
const token = text({
  expected: '16 to 64 letters and digits',
  pattern: /^[A-Za-z0-9]{16,64}$/,
  sample: 'a'.repeat(32),
  secret: true,
});

export const kubernetes = object((fields) => ({
  cluster: fields.fallback('cluster', 'name of cluster and context in the kubeconfig', plainName, 'kubernetes'),
  apiServer: fields.optional('apiServer', 'where kubectl goes; absent: the VIP, or the first master', apiServer),
  serviceCidr: fields.fallback('serviceCidr', 'network of the Services', cidr, '10.254.0.0/16'),
  serviceAddress: fields.optional('serviceAddress', 'Service of the API; absent: first address of serviceCidr', ip),
  dnsAddress: fields.optional('dnsAddress', 'Service of the DNS; absent: second address of serviceCidr', ip),
  domain: fields.fallback('domain', 'DNS domain of the cluster', hostName, 'cluster.local'),
  nodePorts: fields.fallback('nodePorts', 'ports of NodePort Services, first and last', nodePorts, '30000-32767'),
  bootstrapToken: fields.optional('bootstrapToken', 'BOOTSTRAP_TOKEN in clear: prefer bootstrapTokenFile', token),
  bootstrapTokenFile: fields.optional('bootstrapTokenFile', 'file with BOOTSTRAP_TOKEN', localPath),
}));

export type KubernetesSection = ValueOf<typeof kubernetes>;
