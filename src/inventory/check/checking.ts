/** What a check of the whole inventory works with. Checks look only at values that could be read: the rest has been said. */
import type { InventoryDocument } from '#inventory/document/inventory-shape.ts';
import { type Finding, finding } from '#inventory/finding.ts';
import { formatPath, type Path, placeOf, type SourceNode } from '#inventory/source/node.ts';

export interface Checking {
  readonly document: InventoryDocument;
  /** Whether that part could be read whole; what is not written and has a default counts as read. */
  sound(...path: Path): boolean;
  problem(path: Path, what: string): void;
  warn(path: Path, what: string): void;
  /** `hosts[1] (line 8)`: where another thing is that the message speaks of. */
  whereabouts(path: Path): string;
}

export type Check = (checking: Checking) => void;

/** `unsound`: paths of problems known so far. */
export function startChecking(
  document: InventoryDocument,
  root: SourceNode,
  unsound: readonly Path[],
  found: Finding[],
): Checking {
  const broken = unsound.map(steps);
  return {
    document,
    sound: (...path) => {
      const asked = steps(path);
      return !broken.some((known) => known.startsWith(asked) || asked.startsWith(known));
    },
    problem: (path, what) => void found.push(finding('problem', path, placeOf(root, path), what)),
    warn: (path, what) => void found.push(finding('warning', path, placeOf(root, path), what)),
    whereabouts: (path) => `${formatPath(path)} (line ${placeOf(root, path).line})`,
  };
}

/** A path as text in which whole steps are prefixes. */
function steps(path: Path): string {
  return path.map((step) => `${step}/`).join('');
}
