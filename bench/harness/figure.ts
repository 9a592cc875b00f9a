/** What a figure is, and what it gives: rows for the table and words that go with them. */
import type { AgentProgram } from './program.ts';
import type { Store } from './store.ts';

export type Unit = 'ms' | 'MiB' | '%' | 'Mbit/s' | 'packets/s' | 's/GB' | '/s' | '';

export interface Yardstick {
  readonly name: string;
  readonly value: number;
  /** Default `ms`. */
  readonly unit?: Unit;
  /** How many times the yardstick: the median over the runs, each against its own. */
  readonly ratio: number;
}

export type Target = { readonly of: 'value' | 'ratio' } & ({ readonly most: number } | { readonly least: number });

export interface Row {
  readonly name: string;
  /** Median, unless the name says otherwise. */
  readonly value: number;
  readonly unit: Unit;
  /** All that it is the median of. */
  readonly samples: readonly number[];
  readonly yardstick?: Yardstick;
  /** Most, or least, that the value or its ratio to the yardstick may be. */
  readonly target?: Target;
  /** Real flannel's, measured once by the same method on such a machine. */
  readonly flannel?: { readonly v0_28: string; readonly v0_11: string };
}

export interface FigureResult {
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
}

export interface Bench {
  readonly runs: number;
  /** Shorter waits and smaller fleets: to see that all works, not to be quoted. */
  readonly quick: boolean;
  readonly program: AgentProgram;
  readonly store: Store;
  /** Says on standard error what is going on. */
  readonly progress: (text: string) => void;
}

export interface Figure {
  readonly name: string;
  readonly title: string;
  readonly measure: (bench: Bench) => Promise<FigureResult>;
}

/** Whether the target is met; undefined when there is none. */
export function isMet({ value, yardstick, target }: Row): boolean | undefined {
  if (target === undefined) return undefined;
  const figure = target.of === 'value' ? value : yardstick?.ratio;
  return figure !== undefined && ('most' in target ? figure <= target.most : figure >= target.least);
}
