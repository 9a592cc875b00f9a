/** weft init */
import { type Command, Option } from 'commander';
import { type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { Fault } from '#runtime/fault.ts';
import type { Preset } from './document/paths.ts';
import type { InitRequest } from './init/request.ts';

interface Options extends CommonOptions {
  readonly host?: readonly string[];
  readonly network?: string;
  readonly backend?: string;
  readonly preset?: Preset;
  readonly user?: string;
  readonly vip?: string;
  readonly file: string;
  readonly force?: boolean;
  readonly schema?: boolean;
}

export function initCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'init',
    summary: 'write the inventory of a fleet, from flags or by asking',
    examples: [
      ['weft init --host 10.0.0.1,10.0.0.2,10.0.0.3', 'weft.yaml with three hosts and a comment on each choice'],
      ['weft init --schema > weft.schema.json', 'what editors complete and check inventories by'],
    ],
  })
    .option('--host <hosts...>', 'hosts as ADDRESS or NAME=ADDRESS, joined by commas; the first three get etcd')
    .option('--network <cidr>', 'network of the Pods (default: 172.30.0.0/16)')
    .option('--backend <type>', 'how hosts are connected (default: vxlan)')
    .addOption(
      new Option('--preset <name>', 'where things are on the hosts (default: fhs)').choices([
        'guide-000',
        'guide-003',
        'fhs',
      ]),
    )
    .option('--user <name>', 'user that SSH logs in as (default: root)')
    .option('--vip <address>', 'an address in front of the masters, carried by the last two hosts')
    .option('-o, --file <file>', 'where to write; - prints', 'weft.yaml')
    .option('--force', 'replace an inventory that is there')
    .option('--schema', 'print the JSON Schema of inventories, and write nothing');
  return command.action(() => init(context, command.opts<Options>()));
}

async function init(context: CommandContext, options: Options): Promise<void> {
  if (options.schema === true) {
    const { inventorySchema } = await import('./document/inventory-shape.ts');
    context.write(`${JSON.stringify(inventorySchema, null, 2)}\n`);
    return;
  }
  const { composeInventory } = await import('./init/compose.ts');
  const { formatFinding } = await import('./finding.ts');
  const { parseInventory } = await import('./parse-inventory.ts');
  const { writeInventory } = await import('./init/write-inventory.ts');
  const text = composeInventory(await requestOf(context, options));
  const parsed = parseInventory(text);
  if ('problems' in parsed) {
    const what = parsed.problems.map((problem) => `${problem.path}: ${problem.what}`).join('; ');
    throw new Fault('inventory.invalid', { what, remedy: 'give other flags; nothing was written' });
  }
  const print = options.file === '-';
  if (print) context.write(text);
  else await writeInventory(options.file, text, options.force === true);
  if (options.quiet === true) return;
  for (const warning of parsed.warnings)
    context.writeNote(`${formatFinding(print ? 'weft.yaml' : options.file, warning)}\n`);
  if (!print) context.writeNote(`${options.file}: ${parsed.inventory.hosts.length} hosts\n`);
}

/** From the flags alone once hosts are given; else what is missing is asked for. */
async function requestOf(context: CommandContext, options: Options): Promise<InitRequest> {
  const { DEFAULTS, parseHosts } = await import('./init/request.ts');
  const { askForRequest } = await import('./init/ask.ts');
  const { network, backend, preset, user, vip } = options;
  if (options.host === undefined) {
    const asker = { ask: context.ask, tell: context.writeNote };
    const request = await askForRequest({ network, backend, preset, user, vip }, asker);
    if (request !== undefined) return request;
    throw new Fault('usage.flag', { what: 'no hosts are given, and nobody answers', remedy: 'give them with --host' });
  }
  const parsed = parseHosts(options.host.join(','));
  if ('problem' in parsed) throw new Fault('usage.flag', { what: `--host: ${parsed.problem}` });
  return {
    hosts: parsed.hosts,
    network: network ?? DEFAULTS.network,
    backend: backend ?? DEFAULTS.backend,
    preset: preset ?? DEFAULTS.preset,
    user: user ?? DEFAULTS.user,
    ...(vip !== undefined && { vip }),
  };
}
