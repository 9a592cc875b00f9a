/** The lab's etcd: real members on the first hosts, with mutual TLS among themselves and towards clients. */
import { mkdir, writeFile } from 'node:fs/promises';
import { createAuthority } from '#pki/authority.ts';
import { writeCertificate } from '#pki/files.ts';
import { CLIENT_PORT, PEER_PORT, pkiDirectory } from './etcd-access.ts';
import type { HostPlan, LabPlan } from './plan.ts';
import type { DetachedProgram } from './start-detached.ts';
import { LAB_MARK } from './state.ts';

/** Makes the authority and all certificates; the authority's own key is not kept. */
export async function writeCertificates(plan: LabPlan): Promise<void> {
  const directory = pkiDirectory(plan);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const authority = await createAuthority({ commonName: `weft lab ${plan.name}` });
  await Promise.all([
    writeFile(`${directory}/ca.pem`, authority.certificate, { mode: 0o644 }),
    authority
      .issue({ commonName: 'client', hosts: [], usages: ['client'] })
      .then((keyed) => writeCertificate(directory, 'client', keyed)),
    ...members(plan).map(async (host) => {
      const hosts = ['localhost', host.name, '127.0.0.1', host.address];
      // A member is a client of its peers, and its gateway is a client of itself.
      const keyed = await authority.issue({ commonName: host.name, hosts, usages: ['server', 'client'] });
      await writeCertificate(directory, host.name, keyed);
    }),
  ]);
}

/** The program of one member, ready to start. */
export function etcdMember(plan: LabPlan, labId: string, host: HostPlan): DetachedProgram {
  const pki = pkiDirectory(plan);
  const client = `https://${host.address}:${CLIENT_PORT}`;
  const peer = `https://${host.address}:${PEER_PORT}`;
  const flags: Readonly<Record<string, string>> = {
    name: host.name,
    'data-dir': `${host.directory}/etcd`,
    'listen-client-urls': `${client},https://127.0.0.1:${CLIENT_PORT}`,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': members(plan)
      .map((member) => `${member.name}=https://${member.address}:${PEER_PORT}`)
      .join(','),
    'initial-cluster-token': `weft-${plan.name}`,
    'initial-cluster-state': 'new',
    'cert-file': `${pki}/${host.name}.pem`,
    'key-file': `${pki}/${host.name}-key.pem`,
    'trusted-ca-file': `${pki}/ca.pem`,
    'client-cert-auth': 'true',
    'peer-cert-file': `${pki}/${host.name}.pem`,
    'peer-key-file': `${pki}/${host.name}-key.pem`,
    'peer-trusted-ca-file': `${pki}/ca.pem`,
    'peer-client-cert-auth': 'true',
    logger: 'zap',
    'log-level': 'warn',
  };
  return {
    namespace: host.namespace,
    argv: ['etcd', ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)],
    // Debian's etcd wants this said on arm64; elsewhere it has no effect.
    environment: { [LAB_MARK]: labId, ETCD_UNSUPPORTED_ARCH: 'arm64' },
    logFile: etcdLog(host),
  };
}

export function etcdLog(host: HostPlan): string {
  return `${host.directory}/etcd.log`;
}

export function members(plan: LabPlan): readonly HostPlan[] {
  return plan.hosts.filter((host) => host.member);
}
