/**
 * Reads what `iptables-save` prints. Only what concerns us is kept: on a host with ten thousand services the rest is
 * megabytes.
 */
import { Fault } from '#runtime/fault.ts';
import { IPTABLES_PLACES, type IptablesPlace, iptablesTarget, iptablesWords } from './iptables-rules.ts';
import type { ObservedChain, ObservedTable, OthersRules } from './observed.ts';

export interface SavedRules {
  readonly nat: ObservedTable;
  readonly filter: ObservedTable;
  readonly others: OthersRules;
}

const OURS = { nat: IPTABLES_PLACES.masquerade, filter: IPTABLES_PLACES.forward } as const;
/** Chains of the kubelet that say which variant it works with. */
const KUBELET_CHAINS = ['KUBE-IPTABLES-HINT', 'KUBE-KUBELET-CANARY'];

interface TableUnderWay {
  readonly place: IptablesPlace;
  readonly chains: Map<string, { readonly policy: string | undefined; readonly rules: string[] }>;
  referencedElsewhere: boolean;
}

/** Throws Fault `firewall.output` when `text` is not what iptables-save prints; `where` names the command. */
export function readIptablesSave(text: string, where: string): SavedRules {
  const tables = { nat: emptyTable(OURS.nat), filter: emptyTable(OURS.filter) };
  const others = { count: 0, kubelet: false };
  let name: string | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('-A ') && name !== undefined) readRule(line, ownTable(tables, name), others);
    else if (line.startsWith(':') && name !== undefined) readChain(line, ownTable(tables, name), others);
    else if (line.startsWith('*')) name = line.slice(1).trim();
    else if (line.startsWith('COMMIT')) name = undefined;
    else if (line.startsWith('#')) refuseIncompatible(line, where);
    else if (line.trim() !== '') throw unreadable(line, where);
  }
  if (name !== undefined) throw unreadable(`the table ${name} has no end`, where);
  return { nat: observed(tables.nat), filter: observed(tables.filter), others };
}

function ownTable(tables: Readonly<Record<'nat' | 'filter', TableUnderWay>>, name: string): TableUnderWay | undefined {
  return name === 'nat' || name === 'filter' ? tables[name] : undefined;
}

/** `-A CHAIN …` */
function readRule(line: string, table: TableUnderWay | undefined, others: { count: number }): void {
  const end = line.indexOf(' ', 3);
  const chain = end < 0 ? line.slice(3) : line.slice(3, end);
  const rule = end < 0 ? '' : line.slice(end + 1).trimEnd();
  // Words are costly, and most rules of a large host do not even contain our chain's name.
  const place = table?.place;
  const leadsToOurs =
    place !== undefined && rule.includes(place.chain) && iptablesTarget(iptablesWords(rule)) === place.chain;
  if (place === undefined || table === undefined || (chain !== place.chain && chain !== place.hook)) {
    if (table !== undefined && leadsToOurs) table.referencedElsewhere = true;
    others.count += 1;
    return;
  }
  if (chain === place.hook && !rule.includes(place.comment) && !leadsToOurs) others.count += 1;
  keptChain(table, chain, undefined).rules.push(rule);
}

/** `:CHAIN POLICY [packets:bytes]` */
function readChain(line: string, table: TableUnderWay | undefined, others: { count: number; kubelet: boolean }): void {
  const [chain = '', policy = '-'] = line.slice(1).split(' ');
  if (KUBELET_CHAINS.includes(chain)) others.kubelet = true;
  const ours = chain === table?.place.chain;
  if (policy !== 'ACCEPT' && !ours) others.count += 1;
  if (table !== undefined && (ours || chain === table.place.hook)) {
    keptChain(table, chain, policy === '-' ? undefined : policy);
  }
}

function keptChain(table: TableUnderWay, name: string, policy: string | undefined): { readonly rules: string[] } {
  const chain = table.chains.get(name) ?? { policy, rules: [] };
  table.chains.set(name, chain);
  return chain;
}

function refuseIncompatible(line: string, where: string): void {
  const table = /^# Table `(\w+)' is incompatible/.exec(line)?.[1];
  if (table !== 'nat' && table !== 'filter') return;
  throw new Fault('firewall.output', {
    what: `iptables cannot show its table ${table}`,
    where,
    why: `somebody wrote rules into it by nft that iptables has no words for`,
    remedy: `move those rules to a table of their own (nft list table ip ${table}), or set EnableNFTables in the network configuration`,
  });
}

function unreadable(line: string, where: string): Fault {
  return new Fault('firewall.output', { what: `not what iptables-save prints: ${line.slice(0, 120)}`, where });
}

function emptyTable(place: IptablesPlace): TableUnderWay {
  return { place, chains: new Map(), referencedElsewhere: false };
}

function observed({ place, chains, referencedElsewhere }: TableUnderWay): ObservedTable {
  const own: ObservedChain | undefined = chains.get(place.chain);
  return { own, hook: chains.get(place.hook), referencedElsewhere };
}
