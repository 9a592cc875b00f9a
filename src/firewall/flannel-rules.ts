/**
 * The rules that flannel gives a host, in order (flannel 0.28 `pkg/trafficmngr`). Not pinned to a program: iptables and
 * nftables write the same values in their own words.
 */
import type { DesiredFirewall, Fabric, FirewallMode } from './desired.ts';
import { fabricOf } from './desired.ts';
import { type Family, MULTICAST } from './prefix.ts';
import { type MarkMatch, outside, type Rule, within } from './rule.ts';

/** What a chain is for. */
export type Purpose = 'masquerade' | 'forward';

export const PURPOSES: readonly Purpose[] = ['masquerade', 'forward'];

/** The bit by which kube-proxy marks packets that it masquerades itself. */
const KUBE_MASQUERADE_BIT = 0x4000;

/** flannel tests the bit in iptables, and the whole mark in nftables. */
const KUBE_MARK: Readonly<Record<FirewallMode, MarkMatch>> = {
  iptables: { value: KUBE_MASQUERADE_BIT, mask: KUBE_MASQUERADE_BIT },
  nftables: { value: KUBE_MASQUERADE_BIT, mask: 0xffffffff },
};

export interface MasqueradeOptions {
  readonly mode: FirewallMode;
  readonly fullyRandom: boolean;
  /** The fourth rule in flannel's own nftables wording, which makes the sixth unreachable. */
  readonly compatNft: boolean;
}

/**
 * Not again what kube-proxy masquerades; not between own Pods and the fabric; not what comes from outside for an own Pod;
 * else what leaves the fabric, but for multicast, and what enters it from outside, so that answers come back through it.
 */
export function masqueradeRules(fabric: Fabric, options: MasqueradeOptions): readonly Rule[] {
  const { network, subnet } = fabric;
  const masquerade = { type: 'masquerade', fullyRandom: options.fullyRandom } as const;
  const leave = { type: 'return' } as const;
  const fromOutside: Rule =
    options.mode === 'nftables' && options.compatNft
      ? { source: outside(subnet), destination: within(network), verdict: leave }
      : { source: outside(network), destination: within(subnet), verdict: leave };
  return [
    { mark: KUBE_MARK[options.mode], verdict: leave },
    { source: within(subnet), destination: within(network), verdict: leave },
    { source: within(network), destination: within(subnet), verdict: leave },
    fromOutside,
    { source: within(network), destination: outside(MULTICAST[network.family]), verdict: masquerade },
    { source: outside(network), destination: within(network), verdict: masquerade },
  ];
}

/** Forwarding from and to the fabric is accepted, whatever the policy of the chain is. */
export function forwardRules({ network }: Fabric): readonly Rule[] {
  const accept = { type: 'accept' } as const;
  return [
    { source: within(network), verdict: accept },
    { destination: within(network), verdict: accept },
  ];
}

/** The rules of one chain; undefined when it shall not be there. */
export function rulesFor(
  desired: DesiredFirewall,
  family: Family,
  purpose: Purpose,
  supportsFullyRandom: boolean,
): readonly Rule[] | undefined {
  const fabric = fabricOf(desired, family);
  if (fabric === undefined || !desired[purpose]) return undefined;
  if (purpose === 'forward') return forwardRules(fabric);
  const { mode, compatNft } = desired;
  return masqueradeRules(fabric, { mode, compatNft, fullyRandom: desired.fullyRandom && supportsFullyRandom });
}
