/** Lengths of time as Go writes them: `87600h`, `1h30m`. */

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds; undefined when the text is no such length. Negative lengths have no use here and are refused too. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g))
    total += Number(amount) * (UNIT_MS[unit] ?? 0);
  return total;
}

/** The same with days: `30d`, `36h`. What operators type. */
export function parseDays(text: string): number | undefined {
  const days = /^(\d+)d$/.exec(text);
  return days === null ? parseDuration(text) : Number(days[1]) * 86_400_000;
}

const MAX_LIFE_MS = 1000 * 365 * 86_400_000;

/** Why no certificate can last that long; undefined when it can. */
export function lifeProblem(lifeMs: number): string | undefined {
  if (lifeMs < 60_000) return 'is less than a minute';
  return lifeMs > MAX_LIFE_MS ? 'is more than 1000 years' : undefined;
}
