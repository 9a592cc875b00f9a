/** Sections by themselves: values that must fit each other, and secrets that stand there in clear. */

import { resolvePaths } from '#inventory/document/paths.ts';
import type { Path } from '#inventory/source/node.ts';
import { cidrContains, familyOf, formatCidr, formatIp } from '#model/ip.ts';
import type { Check, Checking } from './checking.ts';

export const checkEtcd: Check = ({ document, problem, sound }) => {
  const { clientPort, peerPort, heartbeatIntervalMs, electionTimeoutMs } = document.etcd;
  if (!sound('etcd')) return;
  if (clientPort === peerPort) problem(['etcd', 'peerPort'], `${peerPort} is clientPort too`);
  if (electionTimeoutMs < 5 * heartbeatIntervalMs)
    problem(
      ['etcd', 'electionTimeoutMs'],
      `${electionTimeoutMs} is less than five heartbeats of ${heartbeatIntervalMs} ms: etcd refuses that`,
    );
};

export const checkKubernetes: Check = ({ document, problem, sound }) => {
  const { serviceCidr, nodePorts } = document.kubernetes;
  if (!sound('kubernetes')) return;
  for (const key of ['serviceAddress', 'dnsAddress'] as const) {
    const address = document.kubernetes[key];
    if (address !== undefined && !cidrContains(serviceCidr, address))
      problem(['kubernetes', key], `${formatIp(address)} is not in serviceCidr ${formatCidr(serviceCidr)}`);
  }
  const smallest = familyOf(serviceCidr.address) === 'ipv4' ? 30 : 126;
  if (serviceCidr.length > smallest)
    problem(['kubernetes', 'serviceCidr'], `${formatCidr(serviceCidr)} has no room: /${smallest} is the smallest`);
  const [first = 0, last = 0] = nodePorts.split('-').map(Number);
  if (first < 1 || last > 65_535 || first > last)
    problem(
      ['kubernetes', 'nodePorts'],
      `${nodePorts} is no range of ports: the first is not above the last, 1 to 65535`,
    );
};

export const checkSources: Check = ({ document, problem, sound }) => {
  const { bundle, ...programs } = document.sources;
  if (bundle !== undefined) return;
  for (const [name, source] of Object.entries(programs)) {
    if (source.from === 'bundle' && sound('sources', name))
      problem(['sources', name], 'needs sources.bundle: the file that weft bundle made');
  }
};

export const checkPaths: Check = ({ document, problem, sound }) => {
  if (!sound('paths')) return;
  document.hosts.forEach((host, index) => {
    if (!sound('hosts', index, 'paths')) return;
    const { etcdData, etcdWal } = resolvePaths(document.paths.preset, document.paths.given, host.paths);
    const path: Path = Object.keys(host.paths).length > 0 ? ['hosts', index, 'paths'] : ['paths'];
    // What is wrong for all is said once.
    if (etcdData === etcdWal && (path.length > 1 || index === 0))
      problem(path, `etcdData and etcdWal are both ${etcdData}: etcd keeps them apart`);
  });
};

export const checkCertificates: Check = ({ document, problem, sound }) => {
  const { caValidityDays, leafValidityDays, renewBeforeDays } = document.certificates;
  if (!sound('certificates')) return;
  if (leafValidityDays > caValidityDays)
    problem(['certificates', 'leafValidityDays'], `${leafValidityDays} is more than the CA lives (${caValidityDays})`);
  if (renewBeforeDays >= leafValidityDays)
    problem(
      ['certificates', 'renewBeforeDays'],
      `${renewBeforeDays} is not less than leafValidityDays (${leafValidityDays})`,
    );
};

export const checkSystem: Check = ({ document, problem, sound }) => {
  const { sysctl } = document.system;
  if (!sound('system') || !sound('network', 'ipv6Cidr') || sysctl === false) return;
  if (sysctl.disableIpv6 && document.network.ipv6Cidr !== undefined)
    problem(['system', 'sysctl', 'disableIpv6'], 'and network.ipv6Cidr exclude each other');
};

/** A secret is in a file of its own, or there is a word about it. */
export const checkSecrets: Check = (checking) => {
  const { loadBalancer, kubernetes, network } = checking.document;
  checkSecret(checking, ['loadBalancer'], 'auth', loadBalancer?.auth, loadBalancer?.authFile);
  checkSecret(checking, ['kubernetes'], 'bootstrapToken', kubernetes.bootstrapToken, kubernetes.bootstrapTokenFile);
  const { presharedKey, presharedKeyFile } = network.backend;
  checkSecret(checking, ['network', 'backend'], 'presharedKey', presharedKey, presharedKeyFile);
};

function checkSecret(
  { problem, warn }: Checking,
  section: Path,
  key: string,
  inline: string | undefined,
  file: string | undefined,
): void {
  if (inline !== undefined && file !== undefined) problem([...section, key], `and ${key}File exclude each other`);
  else if (inline !== undefined)
    warn([...section, key], `a secret in clear: put it into a file of mode 0600 and name that as ${key}File`);
}
