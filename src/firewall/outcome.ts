/** Outcome of a pass over the firewall, for whoever tells of it and counts. */

/** One change that was written. */
export interface WrittenChange {
  /** Where, what was found, and what was done about it, as a sentence. */
  readonly line: string;
  /** Name of the chain or table, the same each time. */
  readonly object: string;
  readonly found: string;
  readonly done: string;
}

/** What a pass over the firewall did, and what is remarkable, a line each. */
export interface FirewallOutcome {
  readonly written: readonly WrittenChange[];
  readonly findings: readonly string[];
}
