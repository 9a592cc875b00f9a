/** weft network get */
import { type Command, Option } from 'commander';
import { type CommandContext, defineCommand } from '#cli/command.ts';
import { addEtcdOptions } from '#cli/etcd-options.ts';
import { placeOf } from '#cli/etcd-records/records.ts';
import { withRecords } from '#cli/etcd-session.ts';
import { printData } from '#cli/output.ts';
import type { Json } from '#model/lease.ts';
import { Fault } from '#runtime/fault.ts';

export function networkGetCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'get',
    summary: 'print the document in force',
    examples: [
      ['weft network get', 'byte for byte, as it is stored'],
      ['weft network get -o yaml', 'for reading'],
    ],
  }).addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json', 'yaml']).default('text'));
  return addEtcdOptions(command).action(async () => {
    const { output } = command.opts<{ output: 'text' | 'json' | 'yaml' }>();
    const { key, text } = await withRecords(context, command, async (records) => {
      const key = records.keys.config;
      return { key: placeOf(records, key), text: (await records.get(key))?.value };
    });
    if (text === undefined)
      throw new Fault('network.missing', { what: 'there is no network configuration', where: key });
    if (output === 'text') context.write(text);
    else printData(context, output, { data: parse(text, key), rows: [], columns: [] });
  });
}

function parse(text: string, key: string): Json {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Fault('network.invalid', { what: 'the document in force is not valid JSON', where: key, cause });
  }
}
