/** How a lab's etcd is reached: endpoints, and the client certificate that lies in the lab's directory. Pure. */
import type { EtcdOptions } from '#etcd/api.ts';
import type { LabPlan } from './plan.ts';

export const CLIENT_PORT = 2379;
export const PEER_PORT = 2380;

export interface ClientFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export function pkiDirectory(plan: LabPlan): string {
  return `${plan.directory}/pki`;
}

export function clientFiles(plan: LabPlan): ClientFiles {
  const pki = pkiDirectory(plan);
  return { caFile: `${pki}/ca.pem`, certFile: `${pki}/client.pem`, keyFile: `${pki}/client-key.pem` };
}

/** Client URLs of the members, host1's first. */
export function endpointsOf(plan: LabPlan): readonly string[] {
  return plan.hosts.filter((host) => host.member).map((host) => `https://${host.address}:${CLIENT_PORT}`);
}

/** For the client; works inside the lab's namespaces only. */
export function etcdOptions(plan: LabPlan): EtcdOptions {
  return { endpoints: endpointsOf(plan), ...clientFiles(plan) };
}
