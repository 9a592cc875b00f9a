/** What a change to a file would be, as `diff -u` shows it. Pure. For small files: it compares every line with every other. */

const CONTEXT = 3;

export interface FileVersions {
  readonly path: string;
  /** Undefined: there is no such file. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

interface DiffLine {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

/** Empty when both are the same. */
export function unifiedDiff({ path, before, after }: FileVersions): string {
  if (before === after) return '';
  const lines = diffLines(splitLines(before ?? ''), splitLines(after ?? ''));
  const header = `--- ${before === undefined ? '/dev/null' : path}\n+++ ${after === undefined ? '/dev/null' : path}\n`;
  return header + hunksOf(lines).join('');
}

/** A last line without an end is another line than the same one with it. */
function splitLines(text: string): readonly string[] {
  const lines = text.split('\n');
  const last = lines.pop() ?? '';
  return last === '' ? lines : [...lines, `${last}\n\\ No newline at end of file`];
}

/** By the longest common subsequence. */
function diffLines(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  const lengths = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  const common = (at: number, to: number): number => lengths[at]?.[to] ?? 0;
  for (let at = before.length - 1; at >= 0; at -= 1) {
    for (let to = after.length - 1; to >= 0; to -= 1) {
      const length =
        before[at] === after[to] ? common(at + 1, to + 1) + 1 : Math.max(common(at + 1, to), common(at, to + 1));
      lengths[at]?.fill(length, to, to + 1);
    }
  }
  const lines: DiffLine[] = [];
  let at = 0;
  let to = 0;
  while (at < before.length || to < after.length) {
    const [old, young] = [before[at], after[to]];
    if (old !== undefined && old === young) {
      lines.push({ sign: ' ', text: old });
      at += 1;
      to += 1;
    } else if (old !== undefined && (young === undefined || common(at + 1, to) >= common(at, to + 1))) {
      lines.push({ sign: '-', text: old });
      at += 1;
    } else {
      lines.push({ sign: '+', text: young ?? '' });
      to += 1;
    }
  }
  return lines;
}

function hunksOf(lines: readonly DiffLine[]): readonly string[] {
  const hunks: string[] = [];
  for (let start = 0; start < lines.length; ) {
    const first = lines.findIndex(({ sign }, index) => index >= start && sign !== ' ');
    if (first < 0) break;
    let end = first + 1;
    for (let index = first; index < lines.length && index < end + 2 * CONTEXT; index += 1) {
      if (lines[index]?.sign !== ' ') end = index + 1;
    }
    const from = Math.max(first - CONTEXT, start);
    const until = Math.min(end + CONTEXT, lines.length);
    hunks.push(hunkText(lines, from, until));
    start = until;
  }
  return hunks;
}

function hunkText(lines: readonly DiffLine[], from: number, until: number): string {
  const part = lines.slice(from, until);
  const range = (other: '-' | '+'): string => {
    const counted = (some: readonly DiffLine[]): number => some.filter(({ sign }) => sign !== other).length;
    const length = counted(part);
    return `${counted(lines.slice(0, from)) + (length === 0 ? 0 : 1)},${length}`;
  };
  return `@@ -${range('+')} +${range('-')} @@\n${part.map(({ sign, text }) => `${sign}${text}\n`).join('')}`;
}
