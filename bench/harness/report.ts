/** The table that people read and the JSON that programs read. Pure. */
import { renderTable } from '#cli/table.ts';
import { type FigureResult, isMet, type Row } from './figure.ts';

export interface MeasuredFigure extends FigureResult {
  readonly name: string;
  readonly title: string;
  readonly seconds: number;
  /** Load average of the last minute, at the end: on a quiet machine about what the figure itself makes. */
  readonly load: number;
}

export function figureText(figure: MeasuredFigure, colours: boolean): string {
  const table = renderTable(
    figure.rows,
    [
      { title: 'figure', value: (row: Row) => row.name },
      { title: 'weft', value: (row) => amount(row.value, row.unit), align: 'right' },
      { title: 'from … to', value: range, align: 'right' },
      { title: 'yardstick', value: yardstickText, align: 'right' },
      { title: 'ratio', value: ratioText, align: 'right' },
      { title: 'target', value: targetText, align: 'right', colour: (row) => (isMet(row) === false ? 'red' : 'green') },
      { title: 'flannel 0.28.9', value: (row) => row.flannel?.v0_28, align: 'right' },
      { title: '0.11.0', value: (row) => row.flannel?.v0_11, align: 'right' },
    ],
    { wide: false, colours },
  );
  return [
    `${figure.title} (${figure.name}, ${Math.round(figure.seconds)} s, load ${figure.load.toFixed(1)})`,
    table,
    ...figure.notes.map((note) => `  ${note}\n`),
  ]
    .join('\n')
    .replaceAll('\n\n', '\n');
}

export function reportJson(header: object, figures: readonly MeasuredFigure[]): string {
  const plain = figures.map((figure) => ({
    ...figure,
    rows: figure.rows.map((row) => ({ ...row, met: isMet(row) })),
  }));
  return `${JSON.stringify({ ...header, figures: plain }, undefined, 2)}\n`;
}

function range({ samples, unit }: Row): string | undefined {
  return samples.length < 2 ? undefined : `${digits(Math.min(...samples))} … ${amount(Math.max(...samples), unit)}`;
}

function yardstickText({ yardstick }: Row): string | undefined {
  return yardstick === undefined ? undefined : `${yardstick.name} ${amount(yardstick.value, yardstick.unit ?? 'ms')}`;
}

function ratioText({ yardstick }: Row): string | undefined {
  return yardstick === undefined ? undefined : `${digits(yardstick.ratio)} ×`;
}

function targetText(row: Row): string | undefined {
  if (row.target === undefined) return undefined;
  const [sign, limit] = 'most' in row.target ? ['≤', row.target.most] : ['≥', row.target.least];
  return `${sign} ${row.target.of === 'ratio' ? `${limit} ×` : amount(limit, row.unit)} ${isMet(row) ? '✓' : '✗'}`;
}

function amount(value: number, unit: Row['unit']): string {
  return unit === '' ? digits(value) : `${digits(value)} ${unit}`;
}

/** Three digits that mean something. */
function digits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2);
}
