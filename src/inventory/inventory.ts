/** Inventory: a fleet with everything decided that the file decides. This is what the phases of the bring-up read. */
import type { Cidr, Ip } from '#model/ip.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import type { EtcdSection } from './document/etcd.ts';
import type { Role } from './document/hosts.ts';
import type { InventoryDocument } from './document/inventory-shape.ts';
import type { LoadBalancerSection } from './document/load-balancer.ts';
import type { Paths } from './document/paths.ts';
import type { SourcesSection } from './document/sources.ts';
import type { SystemSection } from './document/system.ts';

/** A secret is read when it is used; a path is on this machine, as it is written. */
export type Secret =
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'inline'; readonly text: string };

/** What goes to OpenSSH; what is absent is left to its configuration. */
export interface SshTarget {
  readonly destination: string;
  readonly user: string;
  readonly port?: number;
  /** As for `ssh -J`. */
  readonly jump?: string;
  readonly config?: string;
  readonly identityFile?: string;
  readonly connectTimeoutSeconds: number;
}

export interface InventoryHost {
  readonly name: string;
  readonly address: Ip;
  /** Of the other family. */
  readonly secondAddress?: Ip;
  readonly roles: readonly Role[];
  readonly ssh: SshTarget;
  /** Interface that carries the fabric; absent: the one that has the address. */
  readonly interface?: string;
  readonly aliases: readonly string[];
  readonly labels: { readonly [name: string]: string };
  /** Reserved for it. */
  readonly subnet?: SubnetKey;
  readonly paths: Paths;
}

export interface EtcdMember {
  readonly name: string;
  readonly host: InventoryHost;
  /** `https://10.0.0.1:2379`. */
  readonly clientUrl: string;
  readonly peerUrl: string;
}

export interface Balancer {
  readonly host: InventoryHost;
  readonly priority: number;
  readonly interface?: string;
}

export interface InventoryLoadBalancer
  extends Omit<LoadBalancerSection, 'auth' | 'authFile' | 'backends' | 'backendPort' | 'interface'> {
  /** Highest priority first. */
  readonly balancers: readonly Balancer[];
  readonly backends: readonly { readonly address: Ip; readonly port: number }[];
  /** Absent: one is to be made. */
  readonly auth?: Secret;
}

export interface InventoryNetwork {
  /** The network document for etcd, without the preshared key. */
  readonly document: string;
  readonly config: NetworkConfig;
  readonly presharedKey?: Secret;
  readonly prefix: string;
  readonly api: 'v2' | 'v3';
  readonly masquerade: boolean;
  readonly underlay: readonly Cidr[];
}

export interface InventoryKubernetes {
  readonly cluster: string;
  /** `https://172.16.60.250:8443`. */
  readonly apiServer?: string;
  readonly serviceCidr: Cidr;
  readonly serviceAddress: Ip;
  readonly dnsAddress: Ip;
  readonly domain: string;
  readonly nodePorts: { readonly first: number; readonly last: number };
  readonly bootstrapToken?: Secret;
}

export interface InventoryCertificates extends Omit<InventoryDocument['certificates'], 'organizations'> {
  readonly organizations: { readonly admin: string; readonly etcd: string; readonly agent: string };
}

export interface InventorySystem extends Omit<SystemSection, 'sysctl'> {
  /** Every sysctl to set, in order; false: none. */
  readonly sysctl: { readonly [name: string]: string } | false;
}

export interface Inventory {
  readonly name: string;
  readonly hosts: readonly InventoryHost[];
  readonly network: InventoryNetwork;
  readonly etcd: EtcdSection & {
    readonly members: readonly EtcdMember[];
    /** Client URLs of all members. */
    readonly endpoints: readonly string[];
    /** Whether members serve the v2 API. */
    readonly enableV2: boolean;
  };
  readonly agent: InventoryDocument['agent'];
  readonly docker: InventoryDocument['docker'];
  readonly cni: InventoryDocument['cni'];
  readonly kubernetes: InventoryKubernetes;
  readonly loadBalancer?: InventoryLoadBalancer;
  readonly certificates: InventoryCertificates;
  readonly sources: SourcesSection;
  readonly system: InventorySystem;
  /** Whether drills may break it. */
  readonly drills: boolean;
}
