/** From what is written to what phases read: every default that depends on something else is decided here. Pure. */
import type { Cidr, Ip } from '#model/ip.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import type { InventoryDocument } from './document/inventory-shape.ts';
import type {
  Inventory,
  InventoryCertificates,
  InventoryHost,
  InventoryKubernetes,
  InventoryLoadBalancer,
  InventoryNetwork,
  Secret,
} from './inventory.ts';
import { networkDocument } from './network-document.ts';
import { balancerPriorities, httpsUrl, resolveHost } from './resolve-hosts.ts';
import { resolveSysctls } from './sysctls.ts';

/** The document must have passed its checks, and `config` be what its network comes to. */
export function resolveInventory(document: InventoryDocument, config: NetworkConfig): Inventory {
  const hosts = document.hosts.map((host) => resolveHost(host, document));
  const loadBalancer = resolveLoadBalancer(document, hosts);
  const { name, agent, docker, cni, sources, drills } = document;
  return {
    name,
    hosts,
    network: resolveNetwork(document, config),
    etcd: resolveEtcd(document, hosts),
    agent,
    docker,
    cni,
    kubernetes: resolveKubernetes(document, hosts),
    ...(loadBalancer !== undefined && { loadBalancer }),
    certificates: resolveCertificates(document),
    sources,
    system: resolveSystem(document, config),
    drills,
  };
}

function resolveNetwork({ network }: InventoryDocument, config: NetworkConfig): InventoryNetwork {
  const { prefix, api, masquerade, underlay, backend } = network;
  const presharedKey = secretOf(backend.presharedKey, backend.presharedKeyFile);
  return {
    document: networkDocument(network),
    config,
    ...(presharedKey !== undefined && { presharedKey }),
    prefix,
    api,
    masquerade,
    underlay,
  };
}

function resolveEtcd(
  { etcd, hosts: written, network }: InventoryDocument,
  hosts: readonly InventoryHost[],
): Inventory['etcd'] {
  const members = hosts.flatMap((host, index) => {
    if (!host.roles.includes('etcd')) return [];
    const name = written[index]?.etcdName ?? host.name;
    const clientUrl = httpsUrl(host.address, etcd.clientPort);
    return [{ name, host, clientUrl, peerUrl: httpsUrl(host.address, etcd.peerPort) }];
  });
  return { ...etcd, members, endpoints: members.map(({ clientUrl }) => clientUrl), enableV2: network.api === 'v2' };
}

function resolveKubernetes(document: InventoryDocument, hosts: readonly InventoryHost[]): InventoryKubernetes {
  const { cluster, serviceCidr, serviceAddress, dnsAddress, domain, nodePorts } = document.kubernetes;
  const [first = 0, last = 0] = nodePorts.split('-').map(Number);
  const apiServer = document.kubernetes.apiServer ?? defaultApiServer(document, hosts);
  const bootstrapToken = secretOf(document.kubernetes.bootstrapToken, document.kubernetes.bootstrapTokenFile);
  return {
    cluster,
    ...(apiServer !== undefined && { apiServer }),
    serviceCidr,
    serviceAddress: serviceAddress ?? addressOf(serviceCidr, 1),
    dnsAddress: dnsAddress ?? addressOf(serviceCidr, 2),
    domain,
    nodePorts: { first, last },
    ...(bootstrapToken !== undefined && { bootstrapToken }),
  };
}

/** Port of the API server where there is no load balancer that says another. */
const API_PORT = 6443;

function defaultApiServer({ loadBalancer }: InventoryDocument, hosts: readonly InventoryHost[]): string | undefined {
  if (loadBalancer !== undefined) return httpsUrl(loadBalancer.vip, loadBalancer.port);
  const master = hosts.find(({ roles }) => roles.includes('master'));
  return master === undefined ? undefined : httpsUrl(master.address, API_PORT);
}

function addressOf({ address }: Cidr, offset: number): Ip {
  return typeof address === 'number' ? address + offset : address + BigInt(offset);
}

function resolveLoadBalancer(
  { loadBalancer, hosts: written }: InventoryDocument,
  hosts: readonly InventoryHost[],
): InventoryLoadBalancer | undefined {
  if (loadBalancer === undefined) return undefined;
  const { auth, authFile, backends, backendPort, interface: carrier, ...rest } = loadBalancer;
  const secret = secretOf(auth, authFile);
  const priorities = balancerPriorities(written);
  const balancers = hosts.flatMap((host, index) => {
    const priority = priorities.get(index);
    if (priority === undefined) return [];
    const name = carrier ?? host.interface;
    return [{ host, priority, ...(name !== undefined && { interface: name }) }];
  });
  const masters = hosts.filter(({ roles }) => roles.includes('master'));
  return {
    ...rest,
    balancers: balancers.sort((a, b) => b.priority - a.priority),
    backends: backends ?? masters.map(({ address }) => ({ address, port: backendPort })),
    ...(secret !== undefined && { auth: secret }),
  };
}

function resolveCertificates({ certificates }: InventoryDocument): InventoryCertificates {
  const { organizations, subject } = certificates;
  const { admin, etcd = subject.organization, agent = subject.organization } = organizations;
  return { ...certificates, organizations: { admin, etcd, agent } };
}

function resolveSystem({ system }: InventoryDocument, config: NetworkConfig): Inventory['system'] {
  const { sysctl } = system;
  if (sysctl === false) return { ...system, sysctl };
  return { ...system, sysctl: resolveSysctls(sysctl.values, sysctl.disableIpv6, config.enableIpv6) };
}

function secretOf(inline: string | undefined, file: string | undefined): Secret | undefined {
  if (file !== undefined) return { from: 'file', path: file };
  return inline === undefined ? undefined : { from: 'inline', text: inline };
}
