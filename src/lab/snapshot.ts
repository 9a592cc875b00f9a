/** A lab at one moment, as one value: what the table, the drawings and `-o json` are made from. */
import type { Verdict } from '#agent/publish/verdict.ts';
import type { PodMatrix } from './matrix.ts';

export interface HostSnapshot {
  readonly name: string;
  readonly address: string;
  /** Where the Pods have IPv6. */
  readonly addressIpv6?: string;
  /** Whether its cable is plugged in at the switch. */
  readonly uplink: 'up' | 'cut';
  /** The etcd member here; `none` where there is no member by plan. */
  readonly etcd: 'leader' | 'follower' | 'down' | 'none';
  /** The subnet leased to it, `172.30.71.0/24`. */
  readonly lease?: string;
  readonly leaseIpv6?: string;
  /** MAC address of its VXLAN device, where the backend has one. */
  readonly deviceMac?: string;
  readonly pod: { readonly name: string; readonly address?: string; readonly addressIpv6?: string };
  readonly agent: AgentSnapshot;
}

export interface AgentSnapshot {
  readonly running: boolean;
  readonly pid?: number;
  readonly rssBytes?: number;
  /** Milliseconds from its start to ready. */
  readonly readyMs?: number;
  /** What it says of itself; absent when it does not answer. */
  readonly verdict?: Verdict;
}

/** Who reaches whom, for each family that the Pods have. */
export interface PodMatrices {
  readonly matrix?: PodMatrix;
  readonly matrixIpv6?: PodMatrix;
}

export interface LabSnapshot extends PodMatrices {
  readonly name: string;
  /** Network of the hosts. */
  readonly subnet: string;
  /** One for each family, IPv4 first. */
  readonly podNetworks: readonly string[];
  readonly backend: string;
  /** etcd prefix. */
  readonly prefix: string;
  readonly hosts: readonly HostSnapshot[];
}

/** The matrices that there are, with what to say after "pairs answer". */
export function matricesOf({ matrix, matrixIpv6 }: PodMatrices): readonly NamedMatrix[] {
  return [
    ...(matrix === undefined ? [] : [{ matrix, over: matrixIpv6 === undefined ? '' : ' over IPv4' }]),
    ...(matrixIpv6 === undefined ? [] : [{ matrix: matrixIpv6, over: ' over IPv6' }]),
  ];
}

export interface NamedMatrix {
  readonly matrix: PodMatrix;
  readonly over: string;
}

/** Whether two hosts exchange packets by an overlay; else by plain routes. */
export function hasTunnels({ backend }: LabSnapshot): boolean {
  return backend !== 'host-gw' && backend !== 'alloc';
}

/** Everything in a lab that is not as it should be, a sentence each; empty for a lab in order. */
export function snapshotProblems(snapshot: LabSnapshot): readonly string[] {
  const problems: string[] = [];
  for (const host of snapshot.hosts) {
    if (host.uplink === 'cut') problems.push(`${host.name} is cut off from the switch`);
    if (host.etcd === 'down') problems.push(`the etcd member on ${host.name} does not answer`);
    if (!host.agent.running) problems.push(`the agent on ${host.name} does not run${withoutAgent(snapshot, host)}`);
    const { verdict } = host.agent;
    if (verdict?.state === 'trouble') problems.push(`the agent on ${host.name} reports ${verdict.text}`);
    if (host.lease === undefined && host.leaseIpv6 === undefined) problems.push(`${host.name} has no lease`);
  }
  return problems;
}

/** With the udp backend packets pass through the agent itself; with all others the kernel goes on without it. */
function withoutAgent({ backend }: LabSnapshot, { name, pod }: HostSnapshot): string {
  if (backend !== 'udp') return '';
  return `, and its device flannel0 went with it: ${pod.name} reaches nobody until weft lab start-agent ${name}`;
}
