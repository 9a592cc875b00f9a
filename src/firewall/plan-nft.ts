/**
 * The nft script that turns our nftables tables into what they shall be. Pure; undefined when nothing differs. A table that
 * differs is replaced as a whole: it is ours alone, and one script is one transaction, so no packet ever meets half a table.
 */
import type { DesiredFirewall } from './desired.ts';
import { NFT_TABLES, nftTableText, wantedNftTable } from './nft-table.ts';
import type { ObservedNft } from './observed.ts';
import { sameNftTable } from './read-nft-table.ts';
import type { Change, NftTransaction } from './transaction.ts';

export function planNft(desired: DesiredFirewall, observed: readonly ObservedNft[]): NftTransaction | undefined {
  const parts = observed.flatMap((entry) => planTable(desired, entry) ?? []);
  if (parts.length === 0) return undefined;
  return { type: 'nft', text: parts.map(({ text }) => text).join(''), changes: parts.map(({ change }) => change) };
}

interface Part {
  readonly text: string;
  readonly change: Change;
}

function planTable(desired: DesiredFirewall, { family, table, supportsFullyRandom }: ObservedNft): Part | undefined {
  const name = NFT_TABLES[family];
  if (desired.mode !== 'nftables') {
    if (table === undefined) return undefined;
    return { text: `delete table ${name}\n`, change: { type: 'table-delete', family } };
  }
  const wanted = wantedNftTable(desired, family, supportsFullyRandom);
  if (table !== undefined && sameNftTable(wanted, table)) return undefined;
  const rules = wanted.chains.reduce((count, chain) => count + chain.rules.length, 0);
  // Adding it first makes the deletion good whether or not it is there.
  const text = `add table ${name}\ndelete table ${name}\n${nftTableText(family, wanted)}`;
  const why = table === undefined ? 'absent' : 'different';
  return { text, change: { type: 'table-write', family, rules, why } };
}
