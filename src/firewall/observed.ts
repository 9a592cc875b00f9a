/** What a host's firewall holds of ours, and what of others' matters to us. */
import type { NftTable } from './nft-table.ts';
import type { Family } from './prefix.ts';

/** iptables on the kernel's nftables, or with the tables of its own that came before. */
export type IptablesVariant = 'nft' | 'legacy';

export const IPTABLES_VARIANTS: readonly IptablesVariant[] = ['nft', 'legacy'];

/** One chain of iptables. */
export interface ObservedChain {
  /** `ACCEPT` or `DROP` of a built-in chain; undefined for others. */
  readonly policy: string | undefined;
  /** Rules in order, each as it stands behind `-A CHAIN `. */
  readonly rules: readonly string[];
}

export interface ObservedTable {
  /** Our own chain; undefined when it is not there. */
  readonly own: ObservedChain | undefined;
  /** The shared chain that jumps to it; undefined when the table is not there. */
  readonly hook: ObservedChain | undefined;
  /** Whether a chain other than the shared one leads to ours, so that ours cannot be deleted. */
  readonly referencedElsewhere: boolean;
}

/** What one variant of iptables holds in one family. */
export interface ObservedIptables {
  readonly family: Family;
  readonly variant: IptablesVariant;
  /** Whether this is the variant that the host works with, so that our rules belong there. */
  readonly live: boolean;
  readonly supportsFullyRandom: boolean;
  readonly nat: ObservedTable;
  readonly filter: ObservedTable;
  readonly others: OthersRules;
}

/** How much of what a variant holds is not ours, in all tables. */
export interface OthersRules {
  /** Rules, chains and policies other than ACCEPT. */
  readonly count: number;
  /** Whether a chain is there by which the kubelet shows which variant it uses. */
  readonly kubelet: boolean;
}

/** Our table of nftables in one family. */
export interface ObservedNft {
  readonly family: Family;
  /** Undefined when it is not there. */
  readonly table: NftTable | undefined;
  readonly supportsFullyRandom: boolean;
}

export interface ObservedFirewall {
  readonly iptables: readonly ObservedIptables[];
  readonly nft: readonly ObservedNft[];
}
