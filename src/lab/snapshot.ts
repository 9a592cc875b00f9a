/** A lab at one moment, as one value: what the table, the drawings and `-o json` are made from. */
import type { PodMatrix } from './matrix.ts';

export interface HostSnapshot {
  readonly name: string;
  readonly address: string;
  /** Whether its cable is plugged in at the switch. */
  readonly uplink: 'up' | 'cut';
  /** The etcd member here; `none` where there is no member by plan. */
  readonly etcd: 'leader' | 'follower' | 'down' | 'none';
  /** The subnet leased to it, `172.30.71.0/24`. */
  readonly lease?: string;
  /** MAC address of its VXLAN device. */
  readonly deviceMac?: string;
  readonly pod: { readonly name: string; readonly address?: string };
  readonly agent: AgentSnapshot;
}

export interface AgentSnapshot {
  readonly running: boolean;
  readonly pid?: number;
  readonly rssBytes?: number;
  /** Milliseconds from its start to ready. */
  readonly readyMs?: number;
}

export interface LabSnapshot {
  readonly name: string;
  /** Network of the hosts. */
  readonly subnet: string;
  readonly podNetwork: string;
  readonly backend: string;
  /** etcd prefix. */
  readonly prefix: string;
  readonly hosts: readonly HostSnapshot[];
  readonly matrix?: PodMatrix;
}

/** Everything in a lab that is not as it should be, a sentence each; empty for a lab in order. */
export function snapshotProblems(snapshot: LabSnapshot): readonly string[] {
  const problems: string[] = [];
  for (const host of snapshot.hosts) {
    if (host.uplink === 'cut') problems.push(`${host.name} is cut off from the switch`);
    if (host.etcd === 'down') problems.push(`the etcd member on ${host.name} does not answer`);
    if (!host.agent.running) problems.push(`the agent on ${host.name} does not run`);
    if (host.lease === undefined) problems.push(`${host.name} has no lease`);
  }
  return problems;
}
