/**
 * The `ip -batch` texts that make a lab's machines: one batch for all namespaces and cables, then one per namespace for
 * what can only be done inside it. Nothing ever shows in this machine's own namespace. Pure.
 */
import { type HostPlan, type LabPlan, prefixLength } from './plan.ts';
import type { PodNetwork } from './subnet-file.ts';

const UNDERLAY_MTU = 1500;
export const SWITCH_BRIDGE = 'br0';
export const POD_BRIDGE = 'cni0';

export function makeNamespaces(names: readonly string[]): string {
  return batch(names.map((name) => `netns add ${name}`));
}

export function removeNamespaces(names: readonly string[]): string {
  return batch(names.map((name) => `netns del ${name}`));
}

/** A cable each: `eth0` in the host, the host's name at the switch. */
export function plugHosts(plan: LabPlan, hosts: readonly HostPlan[]): string {
  return batch(
    hosts.map(
      (host) =>
        `link add eth0 address ${host.mac} netns ${host.namespace} mtu ${UNDERLAY_MTU} type veth ` +
        `peer name ${host.name} netns ${plan.switchNamespace} mtu ${UNDERLAY_MTU}`,
    ),
  );
}

/** Inside the switch of a new lab. */
export function setUpSwitch(plan: LabPlan): string {
  const own = `address add ${plan.switchAddress}/${prefixLength(plan.subnet)} dev ${SWITCH_BRIDGE}`;
  return (
    batch([`link add ${SWITCH_BRIDGE} type bridge`, own, `link set ${SWITCH_BRIDGE} up`]) + connectPorts(plan.hosts)
  );
}

/** Inside the switch: ports of these hosts join the bridge. */
export function connectPorts(hosts: readonly HostPlan[]): string {
  return batch(hosts.map((host) => `link set ${host.name} master ${SWITCH_BRIDGE} up`));
}

/** Inside a host. */
export function setUpHost(plan: LabPlan, host: HostPlan): string {
  return batch([
    'link set lo up',
    `address add ${host.address}/${prefixLength(plan.subnet)} dev eth0`,
    'link set eth0 up',
  ]);
}

/**
 * Inside a host: the addresses of all others by hand. The kernel has one limit for learned neighbours of all namespaces
 * together (gc_thresh3, 1024), which many hosts that all talk to each other exceed; entries made by hand do not count.
 */
export function setNeighbours(plan: LabPlan, host: HostPlan): string {
  const others = plan.hosts.filter((other) => other.number !== host.number);
  return batch(others.map((other) => `neigh replace ${other.address} lladdr ${other.mac} dev eth0 nud permanent`));
}

/** Inside a host that has its lease: the Pods' bridge with the gateway, and a cable to the Pod. */
export function setUpPodBridge(host: HostPlan, network: PodNetwork): string {
  return batch([
    `link add ${POD_BRIDGE} mtu ${network.mtu} type bridge`,
    `address add ${network.gateway} dev ${POD_BRIDGE}`,
    `link set ${POD_BRIDGE} up`,
    `link add veth0 mtu ${network.mtu} type veth peer name eth0 netns ${host.pod.namespace} mtu ${network.mtu}`,
    `link set veth0 master ${POD_BRIDGE} up`,
  ]);
}

/** Inside a Pod; `address` is the Pod's, with prefix length. */
export function setUpPod(address: string, gateway: string): string {
  return batch([
    'link set lo up',
    `address add ${address} dev eth0`,
    'link set eth0 up',
    `route add default via ${gateway}`,
  ]);
}

function batch(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
