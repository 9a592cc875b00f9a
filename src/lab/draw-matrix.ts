/** The Pod matrix on a terminal: round trips while they fit, a mark per pair when there are too many Pods. Pure. */
import type { Colour } from '#cli/style.ts';
import { lostPairs, medianRtt, type PingCell, type PodMatrix } from './matrix.ts';

export interface DrawingStyle {
  /** Characters in a line. */
  readonly columns: number;
  readonly paint: (colour: Colour, text: string) => string;
}

const CELL_WIDTH = 7;

/** The matrix with a sum below it; ends with a line feed. `over` is as in `matrixSum`. */
export function drawMatrix(matrix: PodMatrix, style: DrawingStyle, over = ''): string {
  const label = Math.max(...matrix.pods.map((pod) => pod.length));
  const wide = label + matrix.pods.length * CELL_WIDTH <= style.columns;
  const lines = wide ? wideLines(matrix, label, style) : narrowLines(matrix, label, style);
  return `${[...lines, matrixSum(matrix, over)].join('\n')}\n`;
}

/** `6 of 6 pairs answer, median 85 µs, slowest 1.3 ms (pod1 → pod3)`; `over` is by what they do, as in ` over IPv6`. */
export function matrixSum(matrix: PodMatrix, over = ''): string {
  const pairs = matrix.pods.length * (matrix.pods.length - 1);
  const middle = medianRtt(matrix);
  const slowest = slowestPair(matrix);
  const times =
    middle === undefined || slowest === undefined
      ? ''
      : `, median ${formatMicroseconds(middle)}, slowest ${formatMicroseconds(slowest.rtt)} (${slowest.pair})`;
  return `${pairs - lostPairs(matrix).length} of ${pairs} pairs answer${over}${times}`;
}

/** `85 µs`, `1.3 ms`, `120 ms`. */
export function formatMicroseconds(value: number): string {
  if (value < 1000) return `${value} µs`;
  return value < 10_000 ? `${(value / 1000).toFixed(1)} ms` : `${Math.round(value / 1000)} ms`;
}

function wideLines(matrix: PodMatrix, label: number, style: DrawingStyle): readonly string[] {
  const head = ' '.repeat(label) + matrix.pods.map((pod) => pod.padStart(CELL_WIDTH)).join('');
  const rows = matrix.cells.map((row, from) => {
    const cells = row.map((cell) => paintCell(cell, cellText(cell).padStart(CELL_WIDTH), style));
    return (matrix.pods[from] ?? '').padEnd(label) + cells.join('');
  });
  return [style.paint('dim', head), ...rows];
}

function narrowLines(matrix: PodMatrix, label: number, style: DrawingStyle): readonly string[] {
  return matrix.cells.map((row, from) => {
    const marks = row.map((cell) => paintCell(cell, typeof cell === 'number' ? '●' : cellText(cell), style));
    return `${(matrix.pods[from] ?? '').padEnd(label)} ${marks.join('')}`;
  });
}

function cellText(cell: PingCell): string {
  if (cell === 'self') return '·';
  return cell === 'lost' ? '✗' : formatMicroseconds(cell);
}

function paintCell(cell: PingCell, text: string, style: DrawingStyle): string {
  if (cell === 'self') return style.paint('dim', text);
  return style.paint(cell === 'lost' ? 'red' : 'green', text);
}

function slowestPair(matrix: PodMatrix): { readonly rtt: number; readonly pair: string } | undefined {
  let slowest: { rtt: number; pair: string } | undefined;
  for (const [from, row] of matrix.cells.entries()) {
    for (const [to, cell] of row.entries()) {
      if (typeof cell !== 'number' || cell <= (slowest?.rtt ?? -1)) continue;
      slowest = { rtt: cell, pair: `${matrix.pods[from]} → ${matrix.pods[to]}` };
    }
  }
  return slowest;
}
