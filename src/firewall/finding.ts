/** Findings: what a host's firewall holds that we do not change, but that an operator has to know. */
import type { DesiredFirewall } from './desired.ts';
import { fabricOf } from './desired.ts';
import { PURPOSES, type Purpose } from './flannel-rules.ts';
import { IPTABLES_PLACES, iptablesTarget, iptablesWords } from './iptables-rules.ts';
import type { IptablesVariant, ObservedFirewall, ObservedIptables } from './observed.ts';
import { FAMILIES, type Family } from './prefix.ts';

export type Finding =
  /** Both variants of iptables hold rules of others; a packet has to pass both. */
  | { readonly type: 'both-variants'; readonly family: Family; readonly live: IptablesVariant }
  /** A rule in front of our jump decides about every packet, so ours never see one. */
  | { readonly type: 'unreachable'; readonly family: Family; readonly purpose: Purpose; readonly rule: string }
  /** In nftables mode our accept cannot overrule what the FORWARD chain of iptables drops. */
  | { readonly type: 'forward-drop'; readonly family: Family; readonly variant: IptablesVariant }
  /** Random source ports were wanted, but the host's program is too old. */
  | { readonly type: 'not-fully-random'; readonly family: Family }
  /** Changes of the legacy variant are not announced: the rules are looked at once per resync period. */
  | { readonly type: 'polled'; readonly family: Family };

const DECISIVE = new Set(['ACCEPT', 'DROP', 'REJECT', 'RETURN', 'MASQUERADE', 'QUEUE', 'NFQUEUE']);

export function findFirewall(desired: DesiredFirewall, observed: ObservedFirewall): readonly Finding[] {
  return FAMILIES.filter((family) => fabricOf(desired, family) !== undefined).flatMap((family) => {
    const variants = observed.iptables.filter((entry) => entry.family === family);
    return desired.mode === 'iptables'
      ? iptablesFindings(desired, family, variants)
      : nftFindings(desired, family, observed, variants);
  });
}

function iptablesFindings(
  desired: DesiredFirewall,
  family: Family,
  variants: readonly ObservedIptables[],
): readonly Finding[] {
  const findings: Finding[] = [];
  const live = variants.find((entry) => entry.live);
  if (live === undefined) return findings;
  if (variants.length > 1 && variants.every(({ others }) => others.count > 0)) {
    findings.push({ type: 'both-variants', family, live: live.variant });
  }
  for (const purpose of PURPOSES.filter((each) => desired[each])) {
    const rule = decisiveBefore(live, purpose);
    if (rule !== undefined) findings.push({ type: 'unreachable', family, purpose, rule });
  }
  if (lacksRandom(desired, live)) findings.push({ type: 'not-fully-random', family });
  if (live.variant === 'legacy') findings.push({ type: 'polled', family });
  return findings;
}

function nftFindings(
  desired: DesiredFirewall,
  family: Family,
  observed: ObservedFirewall,
  variants: readonly ObservedIptables[],
): readonly Finding[] {
  const dropping = desired.forward ? variants.filter(({ filter }) => filter.hook?.policy === 'DROP') : [];
  const findings: Finding[] = dropping.map(({ variant }) => ({ type: 'forward-drop', family, variant }));
  const own = observed.nft.find((entry) => entry.family === family);
  if (own !== undefined && lacksRandom(desired, own)) findings.push({ type: 'not-fully-random', family });
  return findings;
}

function lacksRandom(desired: DesiredFirewall, tool: { readonly supportsFullyRandom: boolean }): boolean {
  return desired.masquerade && desired.fullyRandom && !tool.supportsFullyRandom;
}

/** The first rule without a condition that ends the shared chain before it comes to our jump. */
function decisiveBefore(observed: ObservedIptables, purpose: Purpose): string | undefined {
  const { table, chain } = IPTABLES_PLACES[purpose];
  for (const rule of observed[table].hook?.rules ?? []) {
    const words = iptablesWords(rule);
    const target = iptablesTarget(words);
    if (target === chain) return undefined;
    if (target !== undefined && DECISIVE.has(target) && isUnconditional(words)) return rule;
  }
  return undefined;
}

/** Only a comment and the target, with the target's own options. */
function isUnconditional(words: readonly string[]): boolean {
  const [first, second, third] = words;
  const from = first === '-m' && second === 'comment' && third === '--comment' ? 4 : 0;
  return words[from] === '-j';
}
