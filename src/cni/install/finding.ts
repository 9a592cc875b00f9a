/** What is not as it should be, in words that say what to do. */
export interface Finding {
  readonly what: string;
  readonly where: string;
  readonly cause: string;
  readonly remedy: string;
  /** A notice is worth knowing; a problem keeps containers from getting their network. */
  readonly severity: 'problem' | 'notice';
}
