/**
 * The nft script that turns our nftables tables into what they shall be. Pure; undefined when nothing differs. A table that
 * differs is replaced as a whole, with the rules of other agents on this host in it (other-fabrics.ts): one script is one transaction, so no packet ever meets half a table.
 */
import type { DesiredFirewall, Fabric } from './desired.ts';
import { NFT_TABLES, type NftTable, nftTableText, OWN_CHAINS, wantedNftTable } from './nft-table.ts';
import type { ObservedNft } from './observed.ts';
import { isOfOtherFabric, knownFabrics, sharedRules } from './other-fabrics.ts';
import { sameNftRule, sameNftTable } from './read-nft-table.ts';
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
  const wanted = withOthers(wantedNftTable(desired, family, supportsFullyRandom), table, knownFabrics(desired, family));
  if (table !== undefined && sameNftTable(wanted, table)) return undefined;
  const rules = wanted.chains.reduce((count, chain) => count + chain.rules.length, 0);
  // Adding it first makes the deletion good whether or not it is there.
  const text = `add table ${name}\ndelete table ${name}\n${nftTableText(family, wanted)}`;
  const why = table === undefined ? 'absent' : 'different';
  return { text, change: { type: 'table-write', family, rules, why } };
}

/** The verdicts that rules of ours have, and flannel's. */
const VERDICT = / (accept|return|masquerade( fully-random)?)$/;

function withOthers(wanted: NftTable, held: NftTable | undefined, known: readonly Fabric[]): NftTable {
  const chains = OWN_CHAINS.flatMap((chain) => {
    const named = (table: NftTable | undefined) => table?.chains.find(({ name }) => name === chain.name)?.rules;
    const isOther = (rule: string): boolean => VERDICT.test(rule) && isOfOtherFabric(rule, known);
    const rules = sharedRules(named(wanted), named(held) ?? [], isOther, sameNftRule);
    return rules === undefined ? [] : [{ ...chain, rules }];
  });
  return { ...wanted, chains };
}
