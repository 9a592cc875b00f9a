/** A Pod per host: behind the bridge cni0, with the address after the gateway of the host's lease. */

import { Fault } from '#runtime/fault.ts';
import { hostOf, ipBatchIn } from './machines.ts';
import type { HostPlan } from './plan.ts';
import { addressOf, type PodNetwork, parseSubnetFile } from './subnet-file.ts';
import { setUpPod, setUpPodBridge } from './wiring.ts';

/** Gives the host's Pod its bridge, cable, address and route. The agent has to be ready. */
export async function startPod(host: HostPlan): Promise<PodNetwork> {
  const network = await podNetwork(host);
  if (network === undefined) {
    throw new Fault('lab.up', {
      what: `the subnet file of ${host.name} has no IPv4 subnet and MTU`,
      where: host.subnetFile,
      remedy: `read the agent's log: ${host.agentLog}`,
    });
  }
  await ipBatchIn(host.namespace, setUpPodBridge(host, network), `make the Pod bridge of ${host.name}`);
  await ipBatchIn(
    host.pod.namespace,
    setUpPod(network.podAddress, addressOf(network.gateway)),
    `set up ${host.pod.name}`,
  );
  return network;
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
