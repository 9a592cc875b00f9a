/** DesiredFirewall: what the firewall of this host shall do for the fabric; everything else is derived from it. */
import type { Family, Prefix } from './prefix.ts';

/** Which program's rules we write: iptables' (of the host's live variant) or our own nftables tables. */
export type FirewallMode = 'iptables' | 'nftables';

/** The fabric in one address family. */
export interface Fabric {
  /** The whole network, `Network` or `IPv6Network`. */
  readonly network: Prefix;
  /** This host's own subnet. */
  readonly subnet: Prefix;
}

export interface DesiredFirewall {
  readonly mode: FirewallMode;
  /** One per family in use. A family that is absent gets no rules, and those it had are removed. */
  readonly fabrics: readonly Fabric[];
  /** `-ip-masq`. */
  readonly masquerade: boolean;
  /** `--iptables-forward-rules`. */
  readonly forward: boolean;
  /** Random source ports where the host supports them; false is `--ip-masq-fully-random-disable`. */
  readonly fullyRandom: boolean;
  /** nftables mode with the fourth masquerade rule in the wording of flannel 0.28 (its defect D-20). */
  readonly compatNft: boolean;
  /** What the previous subnet file named: rules in the form of old releases were computed from it. */
  readonly former: readonly Fabric[];
}

export function fabricOf(desired: DesiredFirewall, family: Family): Fabric | undefined {
  return desired.fabrics.find(({ network }) => network.family === family);
}
