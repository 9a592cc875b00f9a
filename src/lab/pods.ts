/** A Pod per host: behind the bridge cni0, with the address after the gateway of the host's lease. */

import { Fault } from '#runtime/fault.ts';
import { hostOf, ipBatchIn, routeByNetwork } from './machines.ts';
import type { HostPlan, LabPlan } from './plan.ts';
import { type PodNetwork, parseSubnetFile } from './subnet-file.ts';
import { setUpPod, setUpPodBridge } from './wiring.ts';

/** Gives the host's Pod its bridge, cable, address and route. The agent has to be ready. */
export async function startPod(host: HostPlan): Promise<PodNetwork> {
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
  return network;
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
