/** A command's conversation with etcd: flags and environment to an open client, closed however the work ends. */
import type { Command } from 'commander';
import { type EtcdKeys, etcdKeys } from '#agent/leases/etcd-keys.ts';
import type { Etcd } from '#etcd/api.ts';
import type { CommandContext } from './command.ts';
import { type EtcdFlags, resolveEtcdTarget } from './etcd-options.ts';

export interface EtcdSession {
  readonly etcd: Etcd;
  readonly keys: EtcdKeys;
}

/** For a command that has `addEtcdOptions`. */
export async function withEtcd<Result>(
  context: CommandContext,
  command: Command,
  work: (session: EtcdSession) => Promise<Result>,
): Promise<Result> {
  const target = resolveEtcdTarget(command.opts<EtcdFlags>(), context.environment);
  const etcd = await context.connectEtcd(target.connection);
  try {
    return await work({ etcd, keys: etcdKeys(target.prefix) });
  } finally {
    etcd.close();
  }
}
