/** A command's conversation with etcd: flags and environment to open records, closed however the work ends. */
import type { Command } from 'commander';
import { chooseApi, type EtcdApi, lookAt } from '#agent/leases/choose-api.ts';
import type { CommandContext } from './command.ts';
import { type EtcdFlags, type EtcdTarget, resolveEtcdTarget } from './etcd-options.ts';
import type { EtcdRecords } from './etcd-records/records.ts';

/** For a command that has `addEtcdOptions`. `auto` takes the API whose side has a network; v3 when neither has one. */
export async function withRecords<Result>(
  context: CommandContext,
  command: Command,
  work: (records: EtcdRecords) => Promise<Result>,
): Promise<Result> {
  const target = resolveEtcdTarget(command.opts<EtcdFlags>(), context.environment);
  const records =
    target.api === 'auto' ? await openChosen(context, target) : await openRecords(context, target, target.api);
  try {
    return await work(records);
  } finally {
    records.close();
  }
}

/** For a command that works on both sides. */
export async function withBothRecords<Result>(
  context: CommandContext,
  command: Command,
  work: (sides: Readonly<Record<EtcdApi, EtcdRecords>>) => Promise<Result>,
): Promise<Result> {
  const target = resolveEtcdTarget(command.opts<EtcdFlags>(), context.environment);
  const sides = await openBoth(context, target);
  try {
    return await work(sides);
  } finally {
    sides.v2.close();
    sides.v3.close();
  }
}

async function openChosen(context: CommandContext, target: EtcdTarget): Promise<EtcdRecords> {
  const sides = await openBoth(context, target);
  let unused: EtcdRecords | undefined;
  try {
    const look = ({ get, keys }: EtcdRecords): ReturnType<typeof lookAt> =>
      lookAt(get(keys.config).then((record) => record?.value));
    const [v3, v2] = await Promise.all([look(sides.v3), look(sides.v2)]);
    const { api } = chooseApi(v3, v2);
    if (api === 'v3' && 'document' in v2 && v2.document !== undefined) {
      context.writeNote(
        'etcd v3 and etcd v2 both hold a network here; this is about v3 (--etcd-api v2 for the other)\n',
      );
    }
    unused = api === 'v3' ? sides.v2 : sides.v3;
    return sides[api];
  } finally {
    if (unused === undefined) sides.v3.close();
    (unused ?? sides.v2).close();
  }
}

async function openBoth(context: CommandContext, target: EtcdTarget): Promise<Record<EtcdApi, EtcdRecords>> {
  return { v3: await openRecords(context, target, 'v3'), v2: await openRecords(context, target, 'v2') };
}

async function openRecords(context: CommandContext, target: EtcdTarget, api: EtcdApi): Promise<EtcdRecords> {
  if (api === 'v3') {
    const { v3Records } = await import('./etcd-records/v3-records.ts');
    return v3Records(await context.connectEtcd(target.connection), target.prefix);
  }
  const { v2Records } = await import('./etcd-records/v2-records.ts');
  return v2Records(await context.connectEtcdV2(target.connection), target.prefix);
}
