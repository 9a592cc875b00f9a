/** weft network set: create-if-absent; a different document in force is replaced only when asked for, and only as seen. */
import type { Command } from 'commander';
import { leaseInRecord, type StoredRecord } from '#agent/leases/stored-record.ts';
import { type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { addEtcdOptions } from '#cli/etcd-options.ts';
import { type EtcdRecords, placeOf } from '#cli/etcd-records/records.ts';
import { withRecords } from '#cli/etcd-session.ts';
import { checkDocument } from '#cli/network/check-document.ts';
import { readDocument } from '#cli/network/read-document.ts';
import { describeNetworkChange } from '#model/network-change.ts';
import { formatConfigProblem, type NetworkConfig } from '#model/network-config.ts';
import { Fault } from '#runtime/fault.ts';

interface Options extends CommonOptions {
  readonly replace?: boolean;
}

/** A fleet of thousands has a sentence per lease; nobody reads more than this. */
const MOST_SENTENCES = 20;

export function networkSetCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'set <file>',
    summary: 'write the document (- for standard input) unless another one is in force',
    examples: [
      ['weft network set net.json', 'writes it; says what would break if another one is in force'],
      ['weft network set net.json --replace', 'writes it over the one in force'],
    ],
  }).option('--replace', 'write over a different document that is in force');
  return addEtcdOptions(command).action(async (file: string) => {
    const options = command.opts<Options>();
    const text = await readDocument(context, file);
    const checked = checkDocument(text);
    if ('problems' in checked) {
      const why = checked.problems.map(formatConfigProblem).join('\n          ');
      throw new Fault('network.invalid', { what: 'the network configuration is not valid', where: file, why });
    }
    const say = (words: string): void => {
      if (options.quiet !== true) context.writeNote(`${words}\n`);
    };
    await withRecords(context, command, (records) =>
      setNetwork(records, text, checked.config, options.replace === true, say),
    );
  });
}

async function setNetwork(
  records: EtcdRecords,
  text: string,
  config: NetworkConfig,
  replace: boolean,
  say: (words: string) => void,
): Promise<void> {
  const key = records.keys.config;
  const place = placeOf(records, key);
  const created = await records.create(key, text);
  if (created !== 'exists') return say(`written (${place} at revision ${created})`);
  const current = await records.get(key);
  if (current === undefined) throw changed(place);
  if (current.value.trimEnd() === text) return say('unchanged');

  const consequences = await describeChange(records, current, config);
  if (!replace) {
    throw new Fault('network.exists', {
      what: 'another network configuration is in force',
      where: place,
      why: `replacing it means this:\n          ${consequences.join('\n          ')}`,
      remedy: 'compare it with weft network get; --replace writes over it',
    });
  }
  for (const sentence of consequences) say(sentence);
  const written = await records.replace(current, text);
  if (written === 'changed') throw changed(place);
  say(`replaced (${place} at revision ${written})`);
}

function changed(where: string): Fault {
  return new Fault('network.changed', { what: 'somebody else wrote the network configuration just now', where });
}

async function describeChange(
  records: EtcdRecords,
  current: StoredRecord,
  config: NetworkConfig,
): Promise<readonly string[]> {
  const before = checkDocument(current.value);
  if ('problems' in before) return ['The document in force is not valid, so no agent can be running on it.'];
  const leases = (await records.leases()).flatMap((record) => {
    const lease = leaseInRecord(record, records.keys);
    return 'reason' in lease ? [] : [lease];
  });
  const sentences = describeNetworkChange(before.config, config, leases);
  if (sentences.length === 0) return ['Nothing changes for hosts that hold leases now.'];
  if (sentences.length <= MOST_SENTENCES) return sentences;
  return [...sentences.slice(0, MOST_SENTENCES), `… and ${sentences.length - MOST_SENTENCES} more.`];
}
