/** What a run did with one certificate. */
export interface Outcome {
  readonly name: string;
  readonly action: 'kept' | 'made' | 'made anew' | 'completed';
  /** Why it was made anew, or in which way a kept one is not what the input says. */
  readonly reasons: readonly string[];
  /** Copies that were kept of files that were not ours. */
  readonly backups: readonly string[];
  /** ISO 8601. */
  readonly expires: string;
}
