/** NftTable: our nftables table of one family as a value, and its text exactly as `nft list table` prints it. */

import type { DesiredFirewall } from './desired.ts';
import { PURPOSES, type Purpose, rulesFor } from './flannel-rules.ts';
import type { Family } from './prefix.ts';
import type { AddressMatch, Rule, Verdict } from './rule.ts';

export interface NftChain {
  readonly name: string;
  readonly comment: string | undefined;
  /** `type nat hook postrouting priority srcnat; policy accept;` */
  readonly header: string;
  readonly rules: readonly string[];
}

export interface NftTable {
  readonly comment: string | undefined;
  readonly chains: readonly NftChain[];
  /** Statements and blocks that a table of ours does not have (flags, sets). */
  readonly extra: readonly string[];
}

/** Family and name as in an nft command. */
export const NFT_TABLES: Readonly<Record<Family, string>> = {
  ipv4: 'ip flannel-ipv4',
  ipv6: 'ip6 flannel-ipv6',
};

const CHAINS: Readonly<Record<Purpose, Omit<NftChain, 'rules'>>> = {
  masquerade: {
    name: 'postrtg',
    comment: 'chain to manage traffic masquerading by flannel',
    header: 'type nat hook postrouting priority srcnat; policy accept;',
  },
  forward: {
    name: 'forward',
    comment: 'chain to accept flannel traffic',
    header: 'type filter hook forward priority filter; policy accept;',
  },
};

/** The chains that a table of ours can have, in the order of their purposes. */
export const OWN_CHAINS: readonly Omit<NftChain, 'rules'>[] = PURPOSES.map((purpose) => CHAINS[purpose]);

/** The table as it shall be; flannel makes it for a family that is not in use too, then without chains. */
export function wantedNftTable(desired: DesiredFirewall, family: Family, supportsFullyRandom: boolean): NftTable {
  const chains = PURPOSES.flatMap((purpose) => {
    const rules = rulesFor(desired, family, purpose, supportsFullyRandom);
    return rules === undefined ? [] : [{ ...CHAINS[purpose], rules: rules.map((rule) => nftRule(rule, family)) }];
  });
  return { comment: `rules for flannel-${family}`, chains, extra: [] };
}

export function nftRule(rule: Rule, family: Family): string {
  const protocol = family === 'ipv4' ? 'ip' : 'ip6';
  return [
    markText(rule),
    addressText(`${protocol} saddr`, rule.source),
    addressText(`${protocol} daddr`, rule.destination),
    verdictText(rule.verdict),
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** As `nft list table` prints it, with its newline. */
export function nftTableText(family: Family, table: NftTable): string {
  const comment = table.comment === undefined ? [] : [`\tcomment "${table.comment}"`];
  const head = [...comment, ...table.extra.map((statement) => `\t${statement}`)];
  const chains = table.chains.map((chain) => chainLines(chain).join('\n'));
  const body = [...head, ...(chains.length === 0 ? [] : [chains.join('\n\n')])];
  return `${[`table ${NFT_TABLES[family]} {`, ...body, '}'].join('\n')}\n`;
}

function chainLines(chain: NftChain): readonly string[] {
  const comment = chain.comment === undefined ? [] : [`\t\tcomment "${chain.comment}"`];
  const header = chain.header === '' ? [] : [`\t\t${chain.header}`];
  return [`\tchain ${chain.name} {`, ...comment, ...header, ...chain.rules.map((rule) => `\t\t${rule}`), '\t}'];
}

function markText({ mark }: Rule): string {
  if (mark === undefined) return '';
  if (mark.mask === 0xffffffff) return `meta mark ${hex(mark.value)}`;
  return `meta mark & ${hex(mark.mask)} == ${hex(mark.value)}`;
}

function addressText(field: string, match: AddressMatch | undefined): string {
  return match === undefined ? '' : `${field} ${match.negated ? '!= ' : ''}${match.prefix.text}`;
}

function verdictText(verdict: Verdict): string {
  if (verdict.type !== 'masquerade') return verdict.type;
  return verdict.fullyRandom ? 'masquerade fully-random' : 'masquerade';
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
