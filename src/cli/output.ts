/** `-o table|wide|json|yaml`: one way for every command to print what it found. */
import { Option } from 'commander';
import { stringify } from 'yaml';
import type { CommandContext } from './command.ts';
import { type Column, renderTable } from './table.ts';

export const OUTPUT_FORMATS = ['table', 'wide', 'json', 'yaml'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Options of a command that prints data: `command.addOption(outputOption())`, then `command.opts<OutputOptions>()`. */
export interface OutputOptions {
  readonly output: OutputFormat;
}

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print').choices(OUTPUT_FORMATS).default('table');
}

/** What there is to print: `data` for json and yaml, rows and columns for people. */
export interface Printable<Row> {
  readonly data: unknown;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  /** Said in place of an empty table. */
  readonly empty?: string;
}

/** Prints to standard output in the format chosen. */
export function printData<Row>(context: CommandContext, format: OutputFormat, printable: Printable<Row>): void {
  context.write(formatData(format, printable, context.terminal.colours));
}

/** The text that `printData` writes. */
export function formatData<Row>(format: OutputFormat, printable: Printable<Row>, colours = false): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(plain(printable.data), null, 2)}\n`;
    case 'yaml':
      return stringify(plain(printable.data));
    case 'table':
    case 'wide': {
      if (printable.rows.length === 0 && printable.empty !== undefined) return `${printable.empty}\n`;
      return renderTable(printable.rows, printable.columns, { wide: format === 'wide', colours });
    }
  }
}

/** JSON has no bigint (etcd's ids are 64 bits wide): they become text. */
function plain(data: unknown): unknown {
  return JSON.parse(JSON.stringify(data, (_, value) => (typeof value === 'bigint' ? String(value) : value)) ?? 'null');
}
