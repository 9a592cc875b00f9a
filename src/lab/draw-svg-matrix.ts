/** The Pod matrix in the picture: a field per pair, the fuller the slower; round trips in it while there is room. Pure. */
import { formatMicroseconds, matrixSum } from './draw-matrix.ts';
import type { PingCell } from './matrix.ts';
import type { NamedMatrix } from './snapshot.ts';
import { element, label } from './svg-text.ts';

export interface SvgPart {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** Most Pods for which a field holds its round trip in words. */
const MOST_NUMBERED = 10;
const LABEL_WIDTH = 58;
const HEAD_HEIGHT = 26;
const FOOT_HEIGHT = 30;

/** Drawn with its upper left corner at the origin. */
export function drawSvgMatrix({ matrix, over }: NamedMatrix): SvgPart {
  const count = matrix.pods.length;
  const numbered = count <= MOST_NUMBERED;
  const cellWidth = numbered ? 66 : Math.max(Math.floor(560 / count), 8);
  const cellHeight = numbered ? 30 : cellWidth;
  const slowest = Math.max(...matrix.cells.flat().filter((cell) => typeof cell === 'number'), 1);
  const every = numbered ? 1 : Math.ceil(14 / cellWidth);
  const parts: string[] = [];
  for (const [at, pod] of matrix.pods.entries()) {
    if (at % every !== 0) continue;
    const x = LABEL_WIDTH + (at + 0.5) * cellWidth;
    const head = numbered ? pod : pod.replace(/^\D+/, '');
    parts.push(label(x, HEAD_HEIGHT - 8, 'soft small middle', head));
    parts.push(label(LABEL_WIDTH - 8, HEAD_HEIGHT + (at + 0.5) * cellHeight + 4, 'soft small end', pod));
  }
  for (const [from, row] of matrix.cells.entries()) {
    for (const [to, cell] of row.entries()) {
      const x = LABEL_WIDTH + to * cellWidth;
      const y = HEAD_HEIGHT + from * cellHeight;
      parts.push(field(cell, { x, y, width: cellWidth, height: cellHeight, slowest, numbered }));
    }
  }
  const width = LABEL_WIDTH + count * cellWidth;
  const height = HEAD_HEIGHT + count * cellHeight + FOOT_HEIGHT;
  parts.push(label(width / 2, height - 8, 'words middle', matrixSum(matrix, over)));
  return { svg: parts.join('\n'), width, height };
}

interface Field {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly slowest: number;
  readonly numbered: boolean;
}

function field(cell: PingCell, place: Field): string {
  const gap = place.numbered ? 2 : 0.5;
  const opacity = typeof cell === 'number' ? 0.15 + 0.6 * (cell / place.slowest) : undefined;
  const box = element('rect', {
    x: place.x + gap,
    y: place.y + gap,
    width: place.width - 2 * gap,
    height: place.height - 2 * gap,
    rx: place.numbered ? 4 : 1,
    class: typeof cell === 'number' ? 'cell' : `cell ${cell}`,
    'fill-opacity': opacity === undefined ? undefined : opacity.toFixed(2),
  });
  if (!place.numbered) return box;
  const text = cell === 'self' ? '·' : cell === 'lost' ? '✗' : formatMicroseconds(cell);
  return box + label(place.x + place.width / 2, place.y + place.height / 2 + 4, 'small middle', text);
}
