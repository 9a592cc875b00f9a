/** How a lab's etcd is reached: endpoints, and the client certificate that lies in the lab's directory. Pure. */
import type { EtcdOptions } from '#etcd/api.ts';
import type { HostPlan, LabPlan } from './plan.ts';

const CLIENT_PORT = 2379;

export interface ClientFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Directory of the cluster: certificates in `tls`, a directory per member. */
export function etcdDirectory(plan: LabPlan): string {
  return `${plan.directory}/etcd`;
}

export function clientFiles(plan: LabPlan): ClientFiles {
  const tls = `${etcdDirectory(plan)}/tls`;
  return { caFile: `${tls}/ca.pem`, certFile: `${tls}/client.pem`, keyFile: `${tls}/client-key.pem` };
}

/** Hosts with an etcd member. */
export function membersOf(plan: LabPlan): readonly HostPlan[] {
  return plan.hosts.filter((host) => host.member);
}

/** Client URLs of the members, host1's first: for everybody inside the lab. */
export function endpointsOf(plan: LabPlan): readonly string[] {
  return membersOf(plan).map((host) => `https://${host.address}:${CLIENT_PORT}`);
}

/** The member's unix socket: for us outside, who have no route into the lab. */
export function localEndpoint(plan: LabPlan, host: HostPlan): string {
  return `unix://${etcdDirectory(plan)}/${host.name}/client:1`;
}

export function localEtcdOptions(plan: LabPlan): EtcdOptions {
  return { endpoints: membersOf(plan).map((host) => localEndpoint(plan, host)), timeoutMs: 2000 };
}
