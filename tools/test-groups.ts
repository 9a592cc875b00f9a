/** Which test files there are, in which group they run, and which of them a command line asks for. */
import { globSync } from 'node:fs';

export const GROUPS = ['unit', 'sim', 'kernel', 'etcd', 'cluster', 'machines'] as const;
export type Group = (typeof GROUPS)[number];

/** Run only when they are asked for: they build machines, which takes the mirror, minutes and control over cgroups. */
export const ON_REQUEST: readonly Group[] = ['machines'];

/**
 * Unit tests are quick and alone, the simulation takes all processors for itself; the others use the kernel, real processes and
 * real time, one file after the other.
 */
const PATTERNS: Readonly<Record<Group, readonly string[]>> = {
  unit: ['{bin,src,tools,bench,chaos,sim}/**/*.test.ts', 'test/*.test.ts'],
  sim: ['test/sim/**/*.test.ts'],
  kernel: ['test/kernel/**/*.test.ts'],
  etcd: ['test/etcd/**/*.test.ts'],
  cluster: ['test/cluster/**/*.test.ts'],
  machines: ['test/machines/**/*.test.ts'],
};

export interface Selection {
  /** Undefined for all. */
  readonly only?: Group;
  /** A file is chosen when its path contains one of these; none chooses all. */
  readonly parts: readonly string[];
}

/** Reads `[--only GROUP] [part of a path …]`; throws an Error that says what is wrong. */
export function parseSelection(argv: readonly string[]): Selection {
  const parts: string[] = [];
  let only: Group | undefined;
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    const value = word === '--only' ? argv[++at] : /^--only=(.*)/.exec(word)?.[1];
    if (value !== undefined || word === '--only') {
      only = GROUPS.find((group) => group === value);
      if (only === undefined) throw new Error(`--only wants one of ${GROUPS.join(', ')}, got ${value ?? 'nothing'}`);
    } else if (word.startsWith('-')) {
      throw new Error(`unknown flag ${word}; there is --only ${GROUPS.join('|')} and parts of file names`);
    } else {
      parts.push(word);
    }
  }
  return { parts, ...(only !== undefined && { only }) };
}

/** The files to run of each group, paths relative to root, sorted; of a group on request, when it or a file of it is named. */
export function selectFiles(root: string, selection: Selection): ReadonlyMap<Group, readonly string[]> {
  const wanted = (file: string): boolean =>
    selection.parts.length === 0 || selection.parts.some((part) => file.includes(part));
  const groups = GROUPS.filter((group) =>
    selection.only === undefined ? selection.parts.length > 0 || !ON_REQUEST.includes(group) : selection.only === group,
  );
  return new Map(
    groups.map((group) => [
      group,
      globSync([...PATTERNS[group]], { cwd: root })
        .filter(wanted)
        .sort(),
    ]),
  );
}
