/** Reads the fields of a Backend object, whatever the case of their names, and collects all that is wrong with them. */
import type { Json } from '#model/lease.ts';
import type { BackendConfig, ConfigProblem } from '#model/network-config.ts';

export interface OptionFields {
  /** Everything wrong so far. */
  readonly problems: readonly ConfigProblem[];
  /** A whole number between two limits, both included. */
  integer(name: string, fallback: number, least: number, most: number): number;
  /** False when it is absent. */
  flag(name: string): boolean;
  report(name: string, value: Json, reason: string): void;
}

export function optionFields(config: BackendConfig): OptionFields {
  const problems: ConfigProblem[] = [];
  const fields = new Map(Object.entries(config.options).map(([key, value]) => [key.toLowerCase(), value]));
  const report = (name: string, value: Json, reason: string): void => {
    problems.push({ field: `Backend.${name}`, value: JSON.stringify(value), reason });
  };
  return {
    problems,
    report,
    integer(name, fallback, least, most) {
      const value = fields.get(name.toLowerCase()) ?? fallback;
      if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
      report(name, value, `must be a whole number from ${least} to ${most}`);
      return fallback;
    },
    flag(name) {
      const value = fields.get(name.toLowerCase()) ?? false;
      if (typeof value === 'boolean') return value;
      report(name, value, 'must be true or false');
      return false;
    },
  };
}
