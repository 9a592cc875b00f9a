/** weft network check */
import type { Command } from 'commander';
import { type CommandContext, defineCommand } from '#cli/command.ts';
import { checkDocument } from '#cli/network/check-document.ts';
import { derivedValues } from '#cli/network/derived.ts';
import { readDocument } from '#cli/network/read-document.ts';
import { type OutputFormat, type OutputOptions, outputOption, printData } from '#cli/output.ts';
import { painter } from '#cli/style.ts';
import type { ConfigProblem, NetworkConfig } from '#model/network-config.ts';

export function networkCheckCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'check <file>',
    summary: 'find every problem of a document (- for standard input), or say what follows from it',
    examples: [
      ['weft network check net.json', 'field, value and reason of each problem; exit code 1 if there is one'],
      ['weft network get | weft network check -', 'what follows from the document in force'],
    ],
  }).addOption(outputOption());
  return command.action(async (file: string) => {
    const { output } = command.opts<OutputOptions>();
    const checked = checkDocument(await readDocument(context, file));
    if ('config' in checked) {
      printDerived(context, output, checked.config);
    } else {
      printProblems(context, output, checked.problems);
      context.finish(1);
    }
  });
}

function printDerived(context: CommandContext, output: OutputFormat, config: NetworkConfig): void {
  const values = derivedValues(config);
  printData(context, output, {
    data: { valid: true, problems: [], derived: Object.fromEntries(values.map(({ field, value }) => [field, value])) },
    rows: values,
    columns: [
      { title: 'field', value: (row) => row.field },
      { title: 'value', value: (row) => (typeof row.value === 'string' ? row.value : JSON.stringify(row.value)) },
    ],
  });
}

function printProblems(context: CommandContext, output: OutputFormat, problems: readonly ConfigProblem[]): void {
  printData(context, output, {
    data: { valid: false, problems },
    rows: problems,
    columns: [
      { title: 'field', value: (row) => row.field, colour: () => 'bold' },
      { title: 'value', value: (row) => row.value },
      { title: 'reason', value: (row) => row.reason },
    ],
  });
  if (output === 'table' || output === 'wide') {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    context.writeNote(`${painter(context.terminal)('red', count)}\n`);
  }
}
