/** A measurement between two of its yardstick, so that both see the same noise. */
import type { Yardstick } from './figure.ts';
import { median } from './statistics.ts';

export interface Paired {
  readonly value: number;
  /** Mean of the yardstick right before and right after. */
  readonly yardstick: number;
}

/** Measures `yardstick`, `figure`, `yardstick`, as often as asked. */
export async function measurePaired(
  times: number,
  yardstick: () => Promise<number>,
  figure: (run: number) => Promise<number>,
): Promise<readonly Paired[]> {
  const pairs: Paired[] = [];
  for (let run = 0; run < times; run += 1) {
    const before = await yardstick();
    const value = await figure(run);
    const after = await yardstick();
    pairs.push({ value, yardstick: (before + after) / 2 });
  }
  return pairs;
}

/** What a row says of such pairs. */
export function pairedFigures(
  name: string,
  pairs: readonly Paired[],
): { readonly value: number; readonly samples: readonly number[]; readonly yardstick: Yardstick } {
  return {
    value: median(pairs.map(({ value }) => value)),
    samples: pairs.map(({ value }) => value),
    yardstick: {
      name,
      value: median(pairs.map(({ yardstick }) => yardstick)),
      ratio: median(pairs.map(({ value, yardstick }) => value / yardstick)),
    },
  };
}
