/** What was found and done, for people and for programs. */
import type { CommandContext } from '#cli/command.ts';
import { type OutputFormat, printData } from '#cli/output.ts';
import { painter } from '#cli/style.ts';
import type { Finding } from './finding.ts';
import type { InstallReport, PlacedFile } from './install-request.ts';

const COLUMNS = [
  { title: 'file', value: ({ path }: PlacedFile) => path },
  { title: 'state', value: ({ state }: PlacedFile) => state, colour: ({ state }: PlacedFile) => stateColour(state) },
  {
    title: 'detail',
    value: ({ detail, backup }: PlacedFile) => (backup === undefined ? detail : `${detail} (was: ${backup})`),
  },
];

export function printReport(
  context: CommandContext,
  format: OutputFormat,
  report: InstallReport,
  check: boolean,
): void {
  printData(context, format, { data: report, rows: report.files, columns: COLUMNS });
  if (format === 'json' || format === 'yaml') return;
  const { runtime, repairs, findings } = report;
  const network =
    runtime === undefined ? 'none: there is no network list that they can read' : `${runtime.name}, of ${runtime.file}`;
  context.write(`\nnetwork that runtimes take: ${network}\n`);
  for (const repair of repairs) context.write(`repaired: ${repair}\n`);
  for (const finding of findings) context.write(findingText(context, finding));
  context.write(`${conclusion(report, check)}\n`);
}

export function hasProblem({ findings }: InstallReport): boolean {
  return findings.some(({ severity }) => severity === 'problem');
}

function findingText(context: CommandContext, { severity, what, where, cause, remedy }: Finding): string {
  const paint = painter(context.terminal);
  const head = paint(severity === 'problem' ? 'red' : 'yellow', severity);
  return `${head}: ${what}\n  where:  ${where}\n  cause:  ${cause}\n  remedy: ${remedy}\n`;
}

function conclusion(report: InstallReport, check: boolean): string {
  if (hasProblem(report)) return check ? 'not all is in place' : 'done, but containers will not get their network yet';
  if (check) return 'all is in place';
  const changed = report.repairs.length > 0 || report.files.some(({ state }) => state === 'placed');
  return changed ? 'done' : 'all was in place, nothing was changed';
}

function stateColour(state: PlacedFile['state']): 'green' | 'red' | undefined {
  if (state === 'placed') return 'green';
  return state === 'in place' ? undefined : 'red';
}
