/** Tables for people: left-aligned columns two spaces apart, title in capitals, no trailing blanks. */
import { type Colour, paint } from './style.ts';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number | undefined;
  readonly align?: 'right';
  /** Shown by `-o wide` only. */
  readonly wide?: boolean;
  /** Colour of the cell on a terminal; undefined for none. */
  readonly colour?: (row: Row) => Colour | undefined;
}

export interface TableStyle {
  readonly wide: boolean;
  readonly colours: boolean;
}

/** The table as text, one line per row and a title line; a missing value shows as `-`. */
export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], style: TableStyle): string {
  const shown = columns.filter((column) => style.wide || column.wide !== true);
  const cells = shown.map((column) => [column.title.toUpperCase(), ...rows.map((row) => cellText(column.value(row)))]);
  const widths = cells.map((texts) => Math.max(...texts.map((text) => displayWidth(text))));
  const line = (index: number, row: Row | undefined): string => {
    let text = '';
    let blanks = '';
    for (const [at, column] of shown.entries()) {
      const cell = cells[at]?.[index] ?? '';
      const room = ' '.repeat((widths[at] ?? 0) - displayWidth(cell));
      const colour = row === undefined ? 'dim' : column.colour?.(row);
      const painted = style.colours && colour !== undefined ? paint(colour, cell) : cell;
      text += blanks + (column.align === 'right' ? room : '') + painted;
      blanks = `${column.align === 'right' ? '' : room}  `;
    }
    return `${text}\n`;
  };
  return line(0, undefined) + rows.map((row, at) => line(at + 1, row)).join('');
}

/** Control characters never reach the terminal: cells may hold what a stranger wrote into etcd. */
function cellText(value: string | number | undefined): string {
  if (value === undefined || value === '') return '-';
  return String(value).replace(/[\p{Cc}\p{Cf}]/gu, '·');
}

function displayWidth(text: string): number {
  let width = 0;
  for (const character of text)
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/.test(character) ? 2 : 1;
  return width;
}
