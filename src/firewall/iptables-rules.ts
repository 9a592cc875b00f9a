/** The rules in the words of iptables: exactly what `iptables -S` and `iptables-save` print behind `-A CHAIN `. */
import type { Purpose } from './flannel-rules.ts';
import type { AddressMatch, Rule, Verdict } from './rule.ts';

/** Where our rules of one purpose stand. */
export interface IptablesPlace {
  readonly table: 'nat' | 'filter';
  /** The built-in chain, shared with others, that jumps to ours. */
  readonly hook: string;
  /** Our own chain. */
  readonly chain: string;
  readonly comment: string;
}

export const IPTABLES_PLACES: Readonly<Record<Purpose, IptablesPlace>> = {
  masquerade: { table: 'nat', hook: 'POSTROUTING', chain: 'FLANNEL-POSTRTG', comment: 'flanneld masq' },
  forward: { table: 'filter', hook: 'FORWARD', chain: 'FLANNEL-FWD', comment: 'flanneld forward' },
};

export function iptablesRule(rule: Rule, comment: string): string {
  return [matchText(rule), commentText(comment), `-j ${verdictText(rule.verdict)}`]
    .filter((part) => part !== '')
    .join(' ');
}

/** The rule without a comment, as flannel 0.10 and 0.11 wrote it. */
export function iptablesRuleWithoutComment(rule: Rule): string {
  return [matchText(rule), `-j ${verdictText(rule.verdict)}`].filter((part) => part !== '').join(' ');
}

export function iptablesJump(place: IptablesPlace): string {
  return `${commentText(place.comment)} -j ${place.chain}`;
}

/** The words of a rule's text, quotes taken off, escapes resolved. */
export function iptablesWords(text: string): readonly string[] {
  const words = text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g);
  return [...words].map(([, quoted, plain]) => plain ?? (quoted ?? '').replaceAll(/\\(.)/g, '$1'));
}

/** The word behind `flag` (`-j`, `--comment`); undefined when the rule has no such flag. */
export function iptablesOption(words: readonly string[], flag: string): string | undefined {
  const at = words.indexOf(flag);
  return at < 0 ? undefined : words[at + 1];
}

/** The chain or verdict that the rule leads to. */
export function iptablesTarget(words: readonly string[]): string | undefined {
  return iptablesOption(words, '-j') ?? iptablesOption(words, '-g');
}

function matchText(rule: Rule): string {
  const mark = rule.mark === undefined ? '' : `-m mark --mark ${hex(rule.mark.value)}/${hex(rule.mark.mask)}`;
  return [addressText('-s', rule.source), addressText('-d', rule.destination), mark]
    .filter((part) => part !== '')
    .join(' ');
}

function addressText(flag: string, match: AddressMatch | undefined): string {
  return match === undefined ? '' : `${match.negated ? '! ' : ''}${flag} ${match.prefix.text}`;
}

function commentText(comment: string): string {
  return `-m comment --comment "${comment}"`;
}

function verdictText(verdict: Verdict): string {
  switch (verdict.type) {
    case 'return':
      return 'RETURN';
    case 'accept':
      return 'ACCEPT';
    case 'masquerade':
      return verdict.fullyRandom ? 'MASQUERADE --random-fully' : 'MASQUERADE';
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
