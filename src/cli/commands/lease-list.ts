/** weft lease list */
import type { Command } from 'commander';
import { type CommandContext, defineCommand } from '#cli/command.ts';
import { addEtcdOptions } from '#cli/etcd-options.ts';
import { withRecords } from '#cli/etcd-session.ts';
import { NO_DETAILS, printEntries } from '#cli/lease/print-entries.ts';
import { readDetails, readEntries } from '#cli/lease/read-entries.ts';
import { type OutputOptions, outputOption } from '#cli/output.ts';

export function leaseListCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'list',
    summary: 'all leases, reservations and unusable records',
    examples: [
      ['weft lease list', 'subnet, host, backend, MAC, and what is wrong'],
      ['weft lease list -o wide', 'also host names, the time left and the revisions'],
    ],
  }).addOption(outputOption());
  return addEtcdOptions(command).action(async () => {
    const { output } = command.opts<OutputOptions>();
    await withRecords(context, command, async (records) => {
      const entries = await readEntries(records);
      const details = output === 'wide' ? await readDetails(records, entries) : NO_DETAILS;
      printEntries(context, output, entries, details);
    });
  });
}
