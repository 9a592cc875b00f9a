/**
 * Former rules: those that older releases wrote straight into a shared chain. flannel 0.10 and 0.11 wrote them without a
 * comment, so they are known by their full text, computed from the networks that this host has or had; releases up to 0.19
 * wrote them with flannel's comment, by which they are known.
 */
import type { Fabric } from './desired.ts';
import { forwardRules, type Purpose } from './flannel-rules.ts';
import {
  IPTABLES_PLACES,
  iptablesOption,
  iptablesRuleWithoutComment,
  iptablesTarget,
  iptablesWords,
} from './iptables-rules.ts';
import { MULTICAST } from './prefix.ts';
import { outside, type Rule, within } from './rule.ts';

/** Texts of the rules that flannel 0.10 and 0.11 wrote for these fabrics. */
export function uncommentedRules(purpose: Purpose, fabrics: readonly Fabric[]): ReadonlySet<string> {
  const rules = fabrics.flatMap((fabric) =>
    purpose === 'forward'
      ? forwardRules(fabric)
      : [...uncommentedMasquerade(fabric, false), ...uncommentedMasquerade(fabric, true)],
  );
  return new Set(rules.map(iptablesRuleWithoutComment));
}

/** Whether a rule in the shared chain is one that an older release left there. */
export function isFormerRule(purpose: Purpose, text: string, uncommented: ReadonlySet<string>): boolean {
  if (uncommented.has(text)) return true;
  const { chain, comment } = IPTABLES_PLACES[purpose];
  const words = iptablesWords(text);
  return iptablesOption(words, '--comment') === comment && iptablesTarget(words) !== chain;
}

function uncommentedMasquerade({ network, subnet }: Fabric, fullyRandom: boolean): readonly Rule[] {
  const masquerade = { type: 'masquerade', fullyRandom } as const;
  const leave = { type: 'return' } as const;
  return [
    { source: within(network), destination: within(network), verdict: leave },
    { source: within(network), destination: outside(MULTICAST[network.family]), verdict: masquerade },
    { source: outside(network), destination: within(subnet), verdict: leave },
    { source: outside(network), destination: within(network), verdict: masquerade },
  ];
}
