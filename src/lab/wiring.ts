/**
 * The `ip -batch` texts that make a lab's machines: one batch for all namespaces and cables, then one per namespace for
 * what can only be done inside it. Nothing ever shows in this machine's own namespace. Pure.
 */
import { HOSTS_IPV6, type HostPlan, type LabPlan, prefixLength } from './plan.ts';
import { addressOf, type PodNetwork, subnetsOf } from './subnet-file.ts';

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
  const bridge = [`link add ${SWITCH_BRIDGE} type bridge`, own, ...underlayIpv6(plan.switchAddressIpv6, SWITCH_BRIDGE)];
  return batch([...bridge, `link set ${SWITCH_BRIDGE} up`]) + connectPorts(plan.hosts);
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
    ...underlayIpv6(host.addressIpv6, 'eth0'),
    'link set eth0 up',
  ]);
}

/**
 * Inside a host: the addresses of all others by hand. The kernel has one limit for learned neighbours of all namespaces
 * together (gc_thresh3, 1024), which many hosts that all talk to each other exceed; entries made by hand do not count.
 */
export function setNeighbours(plan: LabPlan, host: HostPlan): string {
  const others = plan.hosts.filter((other) => other.number !== host.number);
  const addresses = others.flatMap(({ address, addressIpv6, mac }) =>
    [address, addressIpv6].flatMap((each) => (each === undefined ? [] : { address: each, mac })),
  );
  return batch(addresses.map(({ address, mac }) => `neigh replace ${address} lladdr ${mac} dev eth0 nud permanent`));
}

/** Inside a host that has its lease: the Pods' bridge with the gateway, and a cable to the Pod. */
export function setUpPodBridge(host: HostPlan, network: PodNetwork): string {
  return batch([
    `link add ${POD_BRIDGE} mtu ${network.mtu} type bridge`,
    ...subnetsOf(network).map(({ gateway }) => addAddress(gateway, POD_BRIDGE)),
    `link set ${POD_BRIDGE} up`,
    `link add veth0 mtu ${network.mtu} type veth peer name eth0 netns ${host.pod.namespace} mtu ${network.mtu}`,
    `link set veth0 master ${POD_BRIDGE} up`,
  ]);
}

/** Inside a Pod. */
export function setUpPod(network: PodNetwork): string {
  const subnets = subnetsOf(network);
  return batch([
    'link set lo up',
    ...subnets.map(({ podAddress }) => addAddress(podAddress, 'eth0')),
    'link set eth0 up',
    ...subnets.map(({ gateway }) => `route add default via ${addressOf(gateway)}`),
  ]);
}

/** A host and what its agent has leased. */
export interface LeasedHost {
  readonly host: HostPlan;
  readonly network: PodNetwork;
}

/** Inside the switch, for a backend that leaves the routes to the network between the hosts: each subnet to its host. */
export function routeAtSwitch(leased: readonly LeasedHost[]): string {
  return batch(
    leased.flatMap(({ host, network: { ipv4, ipv6 } }) => [
      ...(ipv4 === undefined ? [] : [`route replace ${ipv4.subnet} via ${host.address} dev ${SWITCH_BRIDGE}`]),
      ...(ipv6 === undefined || host.addressIpv6 === undefined
        ? []
        : [`route replace ${ipv6.subnet} via ${host.addressIpv6} dev ${SWITCH_BRIDGE}`]),
    ]),
  );
}

/** Inside a host of such a lab: what is for other hosts' Pods goes to the switch. */
export function routeToSwitch(plan: LabPlan): string {
  return batch(
    plan.podNetworks.map((network) => {
      const gateway = network.includes(':') ? plan.switchAddressIpv6 : plan.switchAddress;
      return `route replace ${network} via ${gateway} dev eth0`;
    }),
  );
}

function underlayIpv6(address: string | undefined, device: string): readonly string[] {
  return address === undefined ? [] : [addAddress(`${address}/${HOSTS_IPV6.length}`, device)];
}

/** Nobody else can have the address, so IPv6 need not ask around for a second before it is used. */
function addAddress(address: string, device: string): string {
  return `address add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`;
}

function batch(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
