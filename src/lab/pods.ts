/**
 * A Pod per host: a bare namespace behind the bridge cni0, with the address after the gateway of the host's lease, or a
 * container of the host's docker daemon (docker/containers.ts), or a namespace that the CNI plugin `weft` attaches (cni-pod.ts).
 */

import type { Family } from '#model/ip.ts';
import { Fault } from '#runtime/fault.ts';
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import { CONCURRENCY, hostOf, ipBatchIn, routeByNetwork } from './machines.ts';
import type { HostPlan, LabPlan } from './plan.ts';
import type { LabState } from './state.ts';
import { addressOf, type PodNetwork, parseSubnetFile } from './subnet-file.ts';
import { setUpPod, setUpPodBridge } from './wiring.ts';

/** Gives the host its Pod, with cable, address and route. The agent has to be ready. */
export async function startPod(state: LabState, host: HostPlan, signal: AbortSignal): Promise<void> {
  if (state.plan.pods === 'docker') {
    const { startPodContainer } = await import('./docker/containers.ts');
    return startPodContainer(state, host, signal);
  }
  if (state.plan.pods === 'cni') {
    const { attachPod } = await import('./cni-pod.ts');
    return attachPod(host, signal);
  }
  return startPodNamespace(host);
}

/** Addresses of each host's Pod by family, in the order of the plan; a Pod that has none is an empty one. */
export type PodAddresses = Partial<Readonly<Record<Family, string>>>;

/** Where the Pods are now. Containers come back with other namespaces, so their names are set anew first. */
export async function locatePods(state: LabState): Promise<readonly PodAddresses[]> {
  const { hosts, pods } = state.plan;
  if (pods === 'docker') {
    const { locateContainer } = await import('./docker/containers.ts');
    return mapConcurrent(hosts, CONCURRENCY, async (host) => {
      const ipv4 = await locateContainer(state, host);
      return ipv4 === undefined ? {} : { ipv4 };
    });
  }
  return Promise.all(hosts.map(async (host) => leasedAddresses(await podNetwork(host))));
}

function leasedAddresses(network: PodNetwork | undefined): PodAddresses {
  return {
    ...(network?.ipv4 !== undefined && { ipv4: addressOf(network.ipv4.podAddress) }),
    ...(network?.ipv6 !== undefined && { ipv6: addressOf(network.ipv6.podAddress) }),
  };
}

async function startPodNamespace(host: HostPlan): Promise<void> {
  const network = await podNetwork(host);
  if (network === undefined) {
    throw new Fault('lab.up', {
      what: `the subnet file of ${host.name} has no subnet and MTU for a Pod`,
      where: host.subnetFile,
      remedy: `read the agent's log: ${host.agentLog}`,
    });
  }
  await ipBatchIn(host.namespace, setUpPodBridge(host, network), `make the Pod bridge of ${host.name}`);
  await ipBatchIn(host.pod.namespace, setUpPod(network), `set up ${host.pod.name}`);
}

/** With a backend that leaves routes to others (alloc), the lab's switch has them; else there is nothing to do. */
export async function routePods(plan: LabPlan): Promise<void> {
  if (plan.backend !== 'alloc') return;
  const leased = await Promise.all(plan.hosts.map(async (host) => ({ host, network: await podNetwork(host) })));
  await routeByNetwork(
    plan,
    leased.flatMap(({ host, network }) => (network === undefined ? [] : { host, network })),
  );
}

/** Whether the host's Pod has its cable. */
export async function hasPod(host: HostPlan): Promise<boolean> {
  const output = await hostOf(host.pod.namespace).run({
    argv: ['ip', 'link', 'show', 'eth0'],
    why: 'look into the Pod',
  });
  return output.code === 0;
}

/** What the host's subnet file says; undefined when there is none that can be used. */
export async function podNetwork(host: HostPlan): Promise<PodNetwork | undefined> {
  const text = await hostOf(host.namespace).get(host.subnetFile);
  return text === undefined ? undefined : parseSubnetFile(text);
}
