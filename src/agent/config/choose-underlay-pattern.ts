/**
 * `-iface-regex`: Go's RE2 syntax as far as JavaScript reads it alike. What JavaScript would read differently is refused, so
 * that a pattern never silently chooses another interface than flannel would. Matching is unanchored.
 */
import { Fault } from '#runtime/fault.ts';

/** Throws Fault `usage.flag`. */
export function parseInterfacePattern(text: string): RegExp {
  const insensitive = text.startsWith('(?i)');
  const body = insensitive ? text.slice('(?i)'.length) : text;
  const foreign = FOREIGN.find(([pattern]) => pattern.test(body));
  if (foreign !== undefined) throw refused(text, foreign[1]);
  try {
    // With `u` an escape that JavaScript does not know (\A, \Q, \z) is an error instead of the letter.
    return new RegExp(body, insensitive ? 'iu' : 'u');
  } catch (error) {
    throw refused(text, error instanceof Error ? error.message : String(error));
  }
}

/** Valid in both, with another meaning; or only here. */
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/\[\[?:\^?\w+:\]/, 'classes such as [[:alpha:]] are not supported: write [A-Za-z]'],
  [/\(\?<?[=!]/, 'Go has no look-around'],
  [/\\[1-9]/, 'Go has no back-references'],
];

function refused(text: string, why: string): Fault {
  return new Fault('usage.flag', { what: `-iface-regex ${JSON.stringify(text)} cannot be used`, why });
}
