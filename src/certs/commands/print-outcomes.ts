/** What a run did, for people and programs. */

import type { Outcome } from '#certs/outcome.ts';
import type { CommandContext } from '#cli/command.ts';
import { type OutputFormat, printData } from '#cli/output.ts';
import type { Colour } from '#cli/style.ts';

const COLOURS: Readonly<Partial<Record<Outcome['action'], Colour>>> = {
  made: 'green',
  'made anew': 'yellow',
  completed: 'yellow',
};

export function printOutcomes(context: CommandContext, format: OutputFormat, outcomes: readonly Outcome[]): void {
  printData(context, format, {
    data: outcomes,
    rows: outcomes,
    columns: [
      { title: 'name', value: (row) => row.name, colour: () => 'bold' },
      { title: 'done', value: (row) => row.action, colour: (row) => COLOURS[row.action] },
      { title: 'expires', value: (row) => row.expires.slice(0, 10) },
      { title: 'why', value: (row) => row.reasons.join('; ') },
    ],
    empty: 'nothing to do',
  });
}

/** Copies that were kept are always said: they hold what somebody else made. */
export function noteBackups(context: CommandContext, outcomes: readonly Outcome[]): void {
  for (const { backups } of outcomes) {
    for (const backup of backups) context.writeNote(`kept a copy of what was there: ${backup}\n`);
  }
}
