/** weft lease show */
import type { Command } from 'commander';
import { type CommandContext, defineCommand } from '#cli/command.ts';
import { addEtcdOptions } from '#cli/etcd-options.ts';
import { withRecords } from '#cli/etcd-session.ts';
import { entryData } from '#cli/lease/print-entries.ts';
import { readDetails, readEntries } from '#cli/lease/read-entries.ts';
import { parseSubnetArgument } from '#cli/lease/subnet-argument.ts';
import { type OutputOptions, outputOption, printData } from '#cli/output.ts';
import { Fault } from '#runtime/fault.ts';

export function leaseShowCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'show <subnet>',
    summary: 'all about one lease',
    examples: [
      ['weft lease show 10.5.1.0/24', 'a line per field'],
      ['weft lease show 10.5.1.0/24 -o json', 'the same for a program'],
    ],
  }).addOption(outputOption());
  return addEtcdOptions(command).action(async (text: string) => {
    const { output } = command.opts<OutputOptions>();
    const subnet = parseSubnetArgument(text);
    await withRecords(context, command, async (records) => {
      const key = records.keys.lease(subnet);
      // All are read, since what may be wrong with one is a conflict with another.
      const entry = (await readEntries(records)).find(({ record }) => record.key === key);
      if (entry === undefined) throw new Fault('lease.missing', { what: `nobody holds ${text}`, where: key });
      const data = entryData(entry, await readDetails(records, [entry]));
      printData(context, output, {
        data,
        rows: Object.entries(data).filter(([, value]) => value !== undefined),
        columns: [
          { title: 'field', value: ([field]) => field },
          { title: 'value', value: ([, value]) => (typeof value === 'string' ? value : JSON.stringify(value)) },
        ],
      });
    });
  });
}
