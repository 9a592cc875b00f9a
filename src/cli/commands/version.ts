/** weft version */
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { type OutputOptions, outputOption, printData } from '#cli/output.ts';
import { COMMIT, VERSION } from '#runtime/version.ts';

export function versionCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'version',
    summary: 'what program this is',
    examples: [
      ['weft version', 'version, commit and Node'],
      ['weft version -o json', 'the same for a program'],
    ],
  }).addOption(outputOption());
  return command.action(() => {
    const { output } = command.opts<CommonOptions & OutputOptions>();
    const data = { version: VERSION, commit: COMMIT, node: process.versions.node };
    printData(context, output, {
      data,
      rows: [data],
      columns: [
        { title: 'version', value: (row) => row.version },
        { title: 'commit', value: (row) => row.commit },
        { title: 'node', value: (row) => row.node },
      ],
    });
  });
}
