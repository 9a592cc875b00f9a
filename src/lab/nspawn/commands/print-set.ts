/** A set of machines on standard output: a table for people, the value itself for programs. */
import type { CommandContext } from '#cli/command.ts';
import { type OutputFormat, printData } from '#cli/output.ts';
import { painter } from '#cli/style.ts';
import type { Column } from '#cli/table.ts';
import { type MachineSnapshot, type SetSnapshot, setProblems } from '#lab/nspawn/observe-set.ts';

const COLUMNS: readonly Column<MachineSnapshot>[] = [
  { title: 'machine', value: ({ name }) => name },
  { title: 'address', value: ({ address }) => address },
  { title: 'power', value: ({ power }) => power, colour: ({ power }) => (power === 'off' ? 'red' : undefined) },
  {
    title: 'systemd',
    value: ({ system }) => system,
    colour: ({ system }) => (system === 'running' ? 'green' : 'red'),
  },
  { title: 'failed units', value: ({ failedUnits }) => failedUnits.join(', ') },
  { title: 'machine id', value: ({ machineId }) => machineId, wide: true },
  { title: 'namespace', value: ({ namespace }) => namespace, wide: true },
];

export function printSet(context: CommandContext, snapshot: SetSnapshot, output: OutputFormat): void {
  const problems = setProblems(snapshot);
  printData(context, output, { data: { ...snapshot, problems }, rows: snapshot.machines, columns: COLUMNS });
  if (output === 'json' || output === 'yaml') return;
  const names = snapshot.snapshots.map(({ name }) => name);
  if (names.length > 0) context.write(`\nsnapshots: ${names.join(', ')}\n`);
  for (const problem of problems) context.write(`${painter(context.terminal)('red', '✗')} ${problem}\n`);
}
