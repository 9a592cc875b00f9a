/** What is wrong with an inventory, or doubtful, and where that stands. */
import { formatPath, type Path, type Place } from './source/node.ts';

export interface Finding {
  /** A problem keeps the inventory from being used; a warning does not. */
  readonly severity: 'problem' | 'warning';
  /** `hosts[2].address`; empty for the file as a whole. */
  readonly path: string;
  /** Both count from 1. */
  readonly line: number;
  readonly column: number;
  readonly what: string;
}

export function finding(severity: Finding['severity'], path: Path, place: Place, what: string): Finding {
  return { severity, path: formatPath(path), line: place.line, column: place.column, what };
}

/** `weft.yaml:12:5: hosts[2].address: …`, as compilers write it, so that editors jump there. */
export function formatFinding(file: string, { severity, path, line, column, what }: Finding): string {
  const kind = severity === 'warning' ? 'warning: ' : '';
  return `${file}:${line}:${column}: ${kind}${path === '' ? '' : `${path}: `}${what}`;
}

/** By line, then column. */
export function byPlace(a: Finding, b: Finding): number {
  return a.line - b.line || a.column - b.column;
}
