/** weft network set: create-if-absent; a different document in force is replaced only when asked for, and only as seen. */
import type { Command } from 'commander';
import { leaseOf } from '#agent/leases/etcd-keys.ts';
import { type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { addEtcdOptions } from '#cli/etcd-options.ts';
import { type EtcdSession, withEtcd } from '#cli/etcd-session.ts';
import { checkDocument } from '#cli/network/check-document.ts';
import { readDocument } from '#cli/network/read-document.ts';
import { type KeyValue, prefixEnd } from '#etcd/api.ts';
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
    await withEtcd(context, command, (session) =>
      setNetwork(session, text, checked.config, options.replace === true, say),
    );
  });
}

async function setNetwork(
  session: EtcdSession,
  text: string,
  config: NetworkConfig,
  replace: boolean,
  say: (words: string) => void,
): Promise<void> {
  const { etcd, keys } = session;
  const key = keys.config;
  const created = await etcd.txn({
    compare: [{ target: 'version', key, equals: 0 }],
    success: [{ type: 'put', key, value: text }],
    failure: [{ type: 'range', key }],
  });
  if (created.succeeded) return say(`written (${key} at revision ${created.revision})`);
  const [found] = created.responses;
  const current = found?.type === 'range' ? found.kvs[0] : undefined;
  if (current === undefined) throw changed(key);
  if (current.value.trimEnd() === text) return say('unchanged');

  const consequences = await describeChange(session, current, config);
  if (!replace) {
    throw new Fault('network.exists', {
      what: 'another network configuration is in force',
      where: key,
      why: `replacing it means this:\n          ${consequences.join('\n          ')}`,
      remedy: 'compare it with weft network get; --replace writes over it',
    });
  }
  for (const sentence of consequences) say(sentence);
  const written = await etcd.txn({
    compare: [{ target: 'modRevision', key, equals: current.modRevision }],
    success: [{ type: 'put', key, value: text }],
  });
  if (!written.succeeded) throw changed(key);
  say(`replaced (${key} at revision ${written.revision})`);
}

function changed(key: string): Fault {
  return new Fault('network.changed', { what: 'somebody else wrote the network configuration just now', where: key });
}

async function describeChange(
  { etcd, keys }: EtcdSession,
  current: KeyValue,
  config: NetworkConfig,
): Promise<readonly string[]> {
  const before = checkDocument(current.value);
  if ('problems' in before) return ['The document in force is not valid, so no agent can be running on it.'];
  const { kvs } = await etcd.range({ key: keys.subnets, rangeEnd: prefixEnd(keys.subnets) });
  const leases = kvs.flatMap((kv) => {
    const lease = leaseOf(kv, keys);
    return 'reason' in lease ? [] : [lease];
  });
  const sentences = describeNetworkChange(before.config, config, leases);
  if (sentences.length === 0) return ['Nothing changes for hosts that hold leases now.'];
  if (sentences.length <= MOST_SENTENCES) return sentences;
  return [...sentences.slice(0, MOST_SENTENCES), `… and ${sentences.length - MOST_SENTENCES} more.`];
}
