/** A plan in words: one line per decision and per finding, for logs and dry runs. */
import type { Finding } from './finding.ts';
import { IPTABLES_PLACES } from './iptables-rules.ts';
import { NFT_TABLES } from './nft-table.ts';
import type { WrittenChange } from './outcome.ts';
import type { FirewallPlan } from './plan.ts';
import type { Change, Transaction } from './transaction.ts';

/** What is written and what was found; empty when nothing differs and nothing is remarkable. */
export function describeFirewall(plan: FirewallPlan): readonly string[] {
  return [...plan.transactions.flatMap(describeTransaction), ...plan.findings.map(describeFinding)];
}

export function describeTransaction(transaction: Transaction): readonly string[] {
  return transaction.changes.map((change) => `${placeOf(transaction)}: ${describeChange(change)}`);
}

function placeOf(transaction: Transaction): string {
  return transaction.type === 'nft' ? 'nft' : `iptables (${transaction.variant}) ${transaction.family}`;
}

export function describeWritten(transaction: Transaction): readonly WrittenChange[] {
  const place = placeOf(transaction);
  return transaction.changes.map((change) => {
    const { object, found, done } = changeWords(change);
    const line = `${place}: ${describeChange(change)}`;
    return { line, object: `${place} ${object}`, found: `${place} ${object} ${found}`, done: `${object} ${done}` };
  });
}

function changeWords(change: Change): { readonly object: string; readonly found: string; readonly done: string } {
  switch (change.type) {
    case 'chain-write':
      return { object: `chain ${chainName(change)}`, found: change.why, done: 'written' };
    case 'jump-write':
      return { object: `jump to ${chainName(change)}`, found: change.why, done: 'appended' };
    case 'former-delete':
      return { object: `former rule for ${chainName(change)}`, found: 'unexpected', done: 'deleted' };
    case 'chain-delete':
      return { object: `chain ${chainName(change)}`, found: 'unexpected', done: 'deleted' };
    case 'table-write':
      return { object: `table ${NFT_TABLES[change.family]}`, found: change.why, done: 'written' };
    case 'table-delete':
      return { object: `table ${NFT_TABLES[change.family]}`, found: 'unexpected', done: 'deleted' };
  }
}

export function describeChange(change: Change): string {
  switch (change.type) {
    case 'chain-write':
      return `chain ${chainName(change)} written with ${change.rules} rules, it was ${change.why}`;
    case 'jump-write':
      return `jump from ${IPTABLES_PLACES[change.purpose].hook} to ${chainName(change)} appended, it was ${change.why}`;
    case 'former-delete':
      return `rule of an older release deleted: -A ${IPTABLES_PLACES[change.purpose].hook} ${change.rule}`;
    case 'chain-delete':
      return change.flushedOnly
        ? `chain ${chainName(change)} emptied; it stays because somebody else's rule leads to it`
        : `chain ${chainName(change)} deleted, it is not wanted any more`;
    case 'table-write':
      return `table ${NFT_TABLES[change.family]} written with ${change.rules} rules, it was ${change.why}`;
    case 'table-delete':
      return `table ${NFT_TABLES[change.family]} deleted, it is not wanted any more`;
  }
}

export function describeFinding(finding: Finding): string {
  const { family } = finding;
  switch (finding.type) {
    case 'both-variants':
      return `${family}: iptables-nft and iptables-legacy both hold rules, and a packet has to pass both; ours are in ${finding.live}`;
    case 'unreachable':
      return `${family}: no packet reaches our rules in ${chainName(finding)}, this rule stands in front: ${finding.rule}`;
    case 'forward-drop':
      return `${family}: policy DROP of FORWARD in iptables (${finding.variant}) drops what our nftables table accepts; use iptables mode or change the policy`;
    case 'not-fully-random':
      return `${family}: masquerading without random source ports, the firewall program is too old for them`;
    case 'polled':
      return `${family}: iptables-legacy does not announce changes, so the rules are looked at every resync period`;
  }
}

function chainName({ purpose }: { readonly purpose: keyof typeof IPTABLES_PLACES }): string {
  return `${IPTABLES_PLACES[purpose].table}/${IPTABLES_PLACES[purpose].chain}`;
}
