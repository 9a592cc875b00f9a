/** What our lease says, and which record is ours. */
import type { Underlay } from '#agent/backends/backend.ts';
import { ownLeases } from '#agent/leases/own-lease.ts';
import type { Lease, LeaseAttributes } from '#model/lease.ts';
import { Fault } from '#runtime/fault.ts';
import type { CoreState } from './state.ts';

/** Undefined until interface and identity are known. */
export function ownAttributes({ network, underlay, identity }: CoreState): LeaseAttributes | undefined {
  if (network === undefined || underlay === undefined || identity === undefined) return undefined;
  const { ipv4, ipv6 } = network.backend.leaseData(identity);
  return {
    ...addressesOf(underlay),
    backendType: network.backend.leaseType,
    ...(ipv4 === undefined ? {} : { backendData: ipv4 }),
    ...(ipv6 === undefined ? {} : { backendV6Data: ipv6 }),
  };
}

/** The record that this host left with the same backend: what is in it is kept over restarts and reboots. */
export function recordedAttributes({ network, underlay, snapshot, cache }: CoreState): LeaseAttributes | undefined {
  if (network === undefined || underlay === undefined) return undefined;
  const backendType = network.backend.leaseType;
  const cached = cache.found === undefined ? [] : [cache.found.own];
  const own = [...ownRecords(snapshot, { ...addressesOf(underlay), backendType }), ...cached];
  return own.find(({ attributes }) => attributes.backendType === backendType)?.attributes;
}

function ownRecords(snapshot: CoreState['snapshot'], attributes: LeaseAttributes): readonly Lease[] {
  if (snapshot?.own === undefined) return ownLeases(snapshot?.leases ?? [], attributes);
  return snapshot.own.lease instanceof Fault ? [] : [snapshot.own.lease];
}

function addressesOf({ ipv4, ipv6 }: Underlay): Pick<LeaseAttributes, 'publicIp' | 'publicIpv6'> {
  return { publicIp: ipv4?.publicIp ?? 0, publicIpv6: ipv6?.publicIp ?? null };
}
