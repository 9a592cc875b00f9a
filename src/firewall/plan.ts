/** plan: from what the firewall shall do and what the host holds to the transactions that are due. Pure. */
import type { DesiredFirewall } from './desired.ts';
import { type Finding, findFirewall } from './finding.ts';
import type { ObservedFirewall } from './observed.ts';
import { planIptables } from './plan-iptables.ts';
import { planNft } from './plan-nft.ts';
import type { Transaction } from './transaction.ts';

export interface FirewallPlan {
  /** In this order: what is to hold is written before what held is removed. Empty when nothing differs. */
  readonly transactions: readonly Transaction[];
  readonly findings: readonly Finding[];
}

export function planFirewall(desired: DesiredFirewall, observed: ObservedFirewall): FirewallPlan {
  const liveFirst = [...observed.iptables].sort((a, b) => Number(b.live) - Number(a.live));
  const iptables = liveFirst.flatMap((entry) => planIptables(desired, entry) ?? []);
  const nft = planNft(desired, observed.nft) ?? [];
  const transactions = desired.mode === 'nftables' ? [nft, iptables].flat() : [iptables, nft].flat();
  return { transactions, findings: findFirewall(desired, observed) };
}
