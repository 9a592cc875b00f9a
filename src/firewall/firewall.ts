/** Firewall: the seam to the host's firewall. The real one and the fake pass one compliance suite (firewall-compliance.ts). */
import type { FirewallMode } from './desired.ts';
import type { ObservedFirewall } from './observed.ts';
import type { Family } from './prefix.ts';
import type { Transaction } from './transaction.ts';

/** Where to look. */
export interface FirewallScope {
  readonly mode: FirewallMode;
  /** Families in use. */
  readonly families: readonly Family[];
  /**
   * `live` looks where our rules belong: one process per family. `everywhere` looks also for what other variants, the other
   * mode and the other family hold of ours: at start, and after mode or families changed.
   */
  readonly extent: 'live' | 'everywhere';
}

export interface Firewall {
  /**
   * What is there. Faults: `firewall.missing` when the program that the mode needs is not installed, `firewall.too-old`,
   * `firewall.output`, `firewall.refused`.
   */
  read(scope: FirewallScope): Promise<ObservedFirewall>;
  /** Faults: `firewall.refused`, `firewall.busy`. Nothing of a table is changed then. */
  apply(transaction: Transaction): Promise<void>;
  /**
   * Calls `listener` when rules that concern us may have changed, also by ourselves. It only wakes: the next pass reads. What
   * changed before a read began wakes nobody any more. The function returned ends it.
   * `by`: the programs that did it, such as `nft (pid 12)`, where the kernel tells.
   */
  watch(listener: (by: readonly string[]) => void): () => void;
}
