/** weft network migrate: copies the network document and the leases from one API of etcd to the other. */
import { type Command, Option } from 'commander';
import type { EtcdApi } from '#agent/leases/choose-api.ts';
import { type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { addEtcdConnectionOptions } from '#cli/etcd-options.ts';
import type { EtcdRecords } from '#cli/etcd-records/records.ts';
import { withBothRecords } from '#cli/etcd-session.ts';
import { formatTtl } from '#cli/lease/print-entries.ts';
import { type MigrationStep, planMigration } from '#cli/network/plan-migration.ts';
import { type OutputOptions, outputOption, printData } from '#cli/output.ts';
import { Fault } from '#runtime/fault.ts';
import { mapConcurrent } from '#runtime/map-concurrent.ts';

interface Options extends CommonOptions, OutputOptions {
  readonly dryRun?: boolean;
  readonly reverse?: boolean;
}

const PARALLEL_WRITES = 16;
/** Nobody reads more than this. */
const MOST_REASONS = 20;

export function networkMigrateCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'migrate',
    summary: 'copy the network and its leases from etcd v2 to v3; never writes over anything',
    examples: [
      ['weft network migrate --dry-run', 'shows what would be copied, and what stands in the way'],
      ['weft network migrate', 'copies it; may be run again'],
    ],
  })
    .option('--dry-run', 'write nothing')
    .addOption(new Option('--reverse', 'copy from v3 to v2'))
    .addOption(outputOption());
  return addEtcdConnectionOptions(command).action(async () => {
    const options = command.opts<Options>();
    await withBothRecords(context, command, async ({ v2, v3 }) => {
      const [from, to] = options.reverse === true ? [v3, v2] : [v2, v3];
      const steps = await plan(from, to);
      printSteps(context, options, steps);
      refuse(steps, from.api, to.api);
      if (options.dryRun !== true) await copy(to, steps);
      if (options.quiet !== true) context.writeNote(`${summary(steps, options.dryRun === true, from.api, to.api)}\n`);
    });
  });
}

async function plan(from: EtcdRecords, to: EtcdRecords): Promise<readonly MigrationStep[]> {
  const [document, leases, documentThere, leasesThere] = await Promise.all([
    from.get(from.keys.config),
    from.leases(),
    to.get(to.keys.config),
    to.leases(),
  ]);
  if (document === undefined) {
    const what = `there is no network configuration in etcd ${from.api}`;
    const remedy = 'check --etcd-prefix';
    throw new Fault('network.missing', { what, where: from.keys.config, remedy });
  }
  return planMigration(
    { document: document.value, leases, keys: from.keys },
    { document: documentThere?.value, leases: leasesThere, keys: to.keys },
    await from.ttls(leases),
  );
}

function printSteps(context: CommandContext, { output }: Options, steps: readonly MigrationStep[]): void {
  printData(context, output, {
    data: steps.map(({ action, key, what, holder, ttlSeconds, reason }) => ({
      action,
      key,
      what,
      publicIp: holder,
      ttlSeconds,
      reason,
    })),
    rows: steps,
    columns: [
      {
        title: 'action',
        value: (step) => step.action,
        colour: ({ action }) => (action === 'refuse' ? 'red' : undefined),
      },
      { title: 'what', value: (step) => step.what },
      { title: 'public ip', value: (step) => step.holder },
      {
        title: 'ttl',
        value: (step) => (step.holder === undefined ? undefined : (formatTtl(step.ttlSeconds) ?? 'none')),
      },
      { title: 'key', value: (step) => step.key, wide: true },
      { title: 'reason', value: (step) => step.reason },
    ],
  });
}

/** Before anything is written: half a migration would be two networks. */
function refuse(steps: readonly MigrationStep[], from: EtcdApi, to: EtcdApi): void {
  const refused = steps.filter((step) => step.action === 'refuse');
  if (refused.length === 0) return;
  const reasons = refused.slice(0, MOST_REASONS).map(({ what, reason }) => `${what}: ${reason}`);
  if (refused.length > MOST_REASONS) reasons.push(`… and ${refused.length - MOST_REASONS} more`);
  throw new Fault('network.contradiction', {
    what: `what etcd ${from} holds contradicts what etcd ${to} holds, so nothing was copied`,
    why: reasons.join('\n          '),
  });
}

/** Leases first, the document when all of them are there. */
async function copy(to: EtcdRecords, steps: readonly MigrationStep[]): Promise<void> {
  const create = async ({ key, value, ttlSeconds }: MigrationStep): Promise<string | undefined> =>
    (await to.create(key, value, ttlSeconds)) === 'exists' ? key : undefined;
  const wanted = steps.filter((step) => step.action === 'copy');
  const documents = wanted.filter((step) => step.key === to.keys.config);
  const leases = wanted.filter((step) => step.key !== to.keys.config);
  let late = (await mapConcurrent(leases, PARALLEL_WRITES, create)).filter((key) => key !== undefined);
  if (late.length === 0) late = (await mapConcurrent(documents, 1, create)).filter((key) => key !== undefined);
  const [where] = late;
  if (where === undefined) return;
  const what = `somebody wrote ${late.length === 1 ? 'a key' : `${late.length} keys`} that was to be copied just now`;
  throw new Fault('network.changed', { what, where, remedy: 'run it again: what is copied already stays' });
}

function summary(steps: readonly MigrationStep[], dryRun: boolean, from: EtcdApi, to: EtcdApi): string {
  const copied = steps.filter((step) => step.action === 'copy');
  if (copied.length === 0) return `nothing to copy: etcd ${to} has it all`;
  const leases = copied.filter((step) => step.holder !== undefined);
  const parts = [
    ...(leases.length < copied.length ? ['the network configuration'] : []),
    ...(leases.length > 0 ? [leases.length === 1 ? '1 lease' : `${leases.length} leases`] : []),
  ];
  const text = `${dryRun ? 'would copy' : 'copied'} ${parts.join(' and ')} from etcd ${from} to ${to}`;
  const shortest = Math.min(...leases.map((step) => step.ttlSeconds ?? Number.POSITIVE_INFINITY));
  if (shortest === Number.POSITIVE_INFINITY) return text;
  return `${text}; start every agent anew on ${to} within ${formatTtl(shortest)}, when the first lease ends there`;
}
