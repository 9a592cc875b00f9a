/** A lease as the store holds it: who has which subnet, and what a peer must know to reach it (spec §2.2). */
import { formatIpv4, type Ipv4 } from './ipv4.ts';
import { formatIpv6, type Ipv6 } from './ipv6.ts';
import type { SubnetKey } from './subnet-key.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface LeaseAttributes {
  /** 0 (`0.0.0.0`) when there is none. */
  readonly publicIp: Ipv4;
  readonly publicIpv6: Ipv6 | null;
  /** Empty for udp and alloc; then the key is left out of the record. */
  readonly backendType: string;
  readonly backendData?: Json;
  readonly backendV6Data?: Json;
}

export interface Lease {
  readonly subnet: SubnetKey;
  readonly attributes: LeaseAttributes;
  /** A key without TTL: the operator gave this subnet to this host for ever (spec §2.4). */
  readonly reservation: boolean;
  /** Store revision at which the key was created: the older claim has the lower one. */
  readonly created: number;
  /** Store revision of the last write to the key; what a compare-and-set compares. */
  readonly modified: number;
}

/** A record under the prefix that is no usable lease: reported, never obeyed, never fatal for the others. */
export interface RejectedRecord {
  /** Store revisions of the key, where it is the name of a lease: what a compare-and-set compares. */
  readonly created?: number;
  readonly modified?: number;
  /** Full key as stored. */
  readonly key: string;
  readonly reason: string;
  /** The subnet whose lease this record would be, where its key is the proper name of one: nobody can lease that subnet. */
  readonly subnet?: SubnetKey;
}

/** The addresses that the host is reached at, for people: `10.77.0.11`, `10.77.0.11 and fd00:77::11`. */
export function formatPublicIps({ publicIp, publicIpv6 }: LeaseAttributes): string {
  const v6 = publicIpv6 === null ? [] : [formatIpv6(publicIpv6)];
  return (publicIp === 0 && v6.length > 0 ? v6 : [formatIpv4(publicIp), ...v6]).join(' and ');
}
