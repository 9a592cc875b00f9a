/** Rule: one firewall rule as a value, whatever program writes it. A packet matches when all that is named matches. */
import type { Prefix } from './prefix.ts';

export interface AddressMatch {
  readonly prefix: Prefix;
  /** Whether addresses outside the prefix are meant. */
  readonly negated: boolean;
}

export interface MarkMatch {
  readonly value: number;
  /** Bits that are compared. */
  readonly mask: number;
}

export type Verdict =
  | { readonly type: 'return' }
  | { readonly type: 'accept' }
  /** Source address translation to the outgoing interface's address; `fullyRandom`: with random source ports. */
  | { readonly type: 'masquerade'; readonly fullyRandom: boolean };

export interface Rule {
  readonly source?: AddressMatch;
  readonly destination?: AddressMatch;
  readonly mark?: MarkMatch;
  readonly verdict: Verdict;
}

export function within(prefix: Prefix): AddressMatch {
  return { prefix, negated: false };
}

export function outside(prefix: Prefix): AddressMatch {
  return { prefix, negated: true };
}
