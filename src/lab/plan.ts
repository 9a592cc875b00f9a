/**
 * What a lab consists of, decided before anything is made: names, addresses, files. Pure, and plain JSON, because the
 * plan is what `down` goes by after a crash. Every name carries the lab's name, so two labs never meet.
 */
import { formatIpv4Cidr, type Ipv4Cidr, ipv4CidrSize, lastIpv4Of, maskIpv4Cidr } from '#model/cidr.ts';
import { type Cidr, type Family, familyOf, formatCidr, maskCidr } from '#model/ip.ts';
import { formatIpv4, type Ipv4 } from '#model/ipv4.ts';
import { formatIpv6 } from '#model/ipv6.ts';
import { formatMac, type Mac } from '#model/mac.ts';

/** Where the state of every lab is kept, a directory each. */
export const LAB_ROOT = '/run/weft/lab';
/** etcd prefix of the network, as the operating guides have it. */
export const LAB_PREFIX = '/kubernetes/network';
export const FEWEST_HOSTS = 3;
export const MOST_HOSTS = 50;
/** host1 to host3 hold the etcd members. */
export const MEMBERS = 3;
/** The first host's address is the eleventh of the subnet. */
const FIRST_HOST_OFFSET = 11;
/** Network of the hosts' IPv6 addresses, in every lab: no packet leaves one. */
export const HOSTS_IPV6: Cidr = { address: 0xfd77n << 112n, length: 64 };

export interface PodPlan {
  /** `pod1`. */
  readonly name: string;
  readonly namespace: string;
}

export interface HostPlan {
  /** From 1. */
  readonly number: number;
  /** `host1`, which is also the name of its port on the switch. */
  readonly name: string;
  readonly namespace: string;
  /** Dotted quad. */
  readonly address: string;
  /** Where the Pods have IPv6: `fd77::10:77:0:11`, the groups spell the IPv4 address. */
  readonly addressIpv6?: string;
  /** MAC of its `eth0`. */
  readonly mac: Mac;
  /** Whether an etcd member runs here. */
  readonly member: boolean;
  readonly directory: string;
  readonly subnetFile: string;
  readonly agentLog: string;
  readonly notifySocket: string;
  readonly controlSocket: string;
  readonly pod: PodPlan;
}

export interface LabPlan {
  readonly name: string;
  readonly directory: string;
  /** Network of the hosts, `10.77.0.0/16`. */
  readonly subnet: string;
  /** Networks of the Pods, one for each family: `172.30.0.0/16`, `fd30::/56`. */
  readonly podNetworks: readonly string[];
  /** Families of the Pods' addresses. */
  readonly families: readonly Family[];
  /** Backend type in the network document. */
  readonly backend: string;
  /** etcd API that the agents use. */
  readonly etcdApi: EtcdApi;
  /** Whether the agents masquerade what Pods send to outside. */
  readonly masquerade: boolean;
  readonly pods: PodKind;
  readonly prefix: string;
  /** The network document as written to etcd. */
  readonly document: string;
  readonly switchNamespace: string;
  /** The operator's address, at the switch itself: from there every host is reached, whichever cable is cut. */
  readonly switchAddress: string;
  readonly switchAddressIpv6?: string;
  readonly hosts: readonly HostPlan[];
}

export type EtcdApi = 'v2' | 'v3';

/**
 * What a Pod is: a bare namespace behind a bridge, a container of a docker daemon that every host has, or a namespace that the
 * CNI plugin `weft` attaches.
 */
export type PodKind = 'namespace' | 'docker' | 'cni';

export interface LabShape {
  readonly name: string;
  readonly hosts: number;
  readonly subnet: Ipv4Cidr;
  /** One for each family. */
  readonly podNetworks: readonly Cidr[];
  readonly backend: string;
  readonly etcdApi: EtcdApi;
  readonly masquerade: boolean;
  readonly pods: PodKind;
  readonly document: string;
}

export function planLab(shape: LabShape): LabPlan {
  const families = shape.podNetworks.map(({ address }) => familyOf(address));
  const switchAddress = lastIpv4Of(shape.subnet) - 1;
  const plan: LabPlan = {
    name: shape.name,
    directory: `${LAB_ROOT}/${shape.name}`,
    subnet: formatIpv4Cidr(maskIpv4Cidr(shape.subnet)),
    podNetworks: shape.podNetworks.map((network) => formatCidr(maskCidr(network))),
    families,
    backend: shape.backend,
    etcdApi: shape.etcdApi,
    masquerade: shape.masquerade,
    pods: shape.pods,
    prefix: LAB_PREFIX,
    document: shape.document,
    switchNamespace: `weft-${shape.name}-switch`,
    switchAddress: formatIpv4(switchAddress),
    ...(families.includes('ipv6') && { switchAddressIpv6: ipv6Of(switchAddress) }),
    hosts: [],
  };
  const hosts = Array.from({ length: shape.hosts }, (_, index) => planHost(plan, shape.subnet, index + 1));
  return { ...plan, hosts };
}

/** One host of a lab; `number` counts from 1. */
export function planHost(lab: LabPlan, subnet: Ipv4Cidr, number: number): HostPlan {
  const name = `host${number}`;
  const address = maskIpv4Cidr(subnet).address + FIRST_HOST_OFFSET + number - 1;
  const directory = `${lab.directory}/${name}`;
  return {
    number,
    name,
    namespace: `weft-${lab.name}-${name}`,
    address: formatIpv4(address),
    ...(lab.families.includes('ipv6') && { addressIpv6: ipv6Of(address) }),
    mac: macOf(address),
    member: number <= MEMBERS,
    directory,
    subnetFile: `${directory}/subnet.env`,
    agentLog: `${directory}/agent.log`,
    notifySocket: `${directory}/notify`,
    controlSocket: `${directory}/agent.sock`,
    pod: { name: `pod${number}`, namespace: `weft-${lab.name}-pod${number}` },
  };
}

/** As container plugins do it: 0a:58 and the address, so that a person reads one from the other. */
function macOf(address: Ipv4): Mac {
  const bytes = new DataView(new ArrayBuffer(6));
  bytes.setUint16(0, 0x0a58);
  bytes.setUint32(2, address);
  return formatMac(new Uint8Array(bytes.buffer));
}

/** 10.77.0.11 → `fd77::10:77:0:11`: the decimal digits of each byte are the digits of a group. */
function ipv6Of(address: Ipv4): string {
  const groups = formatIpv4(address).split('.');
  const tail = groups.reduce((value, digits) => (value << 16n) | BigInt(`0x${digits}`), 0n);
  return formatIpv6((0xfd77_0000_0000_0000n << 64n) | tail);
}

/** Every namespace that bears a name of the plan sooner or later. */
export function plannedNamespaces(plan: Pick<LabPlan, 'switchNamespace' | 'hosts'>): readonly string[] {
  return [plan.switchNamespace, ...plan.hosts.flatMap((host) => [host.namespace, host.pod.namespace])];
}

/** Those of a host that the lab makes itself; a container's is made by docker and named afterwards. */
export function namespacesToMake({ pods }: Pick<LabPlan, 'pods'>, host: HostPlan): readonly string[] {
  return pods === 'docker' ? [host.namespace] : [host.namespace, host.pod.namespace];
}

/** How many hosts a subnet of that prefix length has room for. */
export function roomForHosts(length: number): number {
  const switchAndBroadcast = 2;
  return Math.max(ipv4CidrSize(length) - FIRST_HOST_OFFSET - switchAndBroadcast, 0);
}

/** `10.77.0.0/16` → 16. */
export function prefixLength(cidr: string): number {
  return Number(cidr.slice(cidr.indexOf('/') + 1));
}
