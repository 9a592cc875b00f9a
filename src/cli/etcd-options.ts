/** The etcd connection flags that every command which talks to etcd has: the agent's names, the agent's environment. */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { ETCD_APIS, type EtcdApiOption } from '#agent/leases/choose-api.ts';
import type { EtcdOptions } from '#etcd/api.ts';
import { cleanEtcdPrefix } from '#model/etcd-prefix.ts';
import { Fault } from '#runtime/fault.ts';
import type { CommandContext } from './command.ts';

/** flannel's default, kept so that a host configured for it needs no flag (spec §3.2). */
export const DEFAULT_ETCD_ENDPOINTS = 'http://127.0.0.1:4001,http://127.0.0.1:2379';
export const DEFAULT_ETCD_PREFIX = '/coreos.com/network';

/** What the flags say, before any file is read. Shape of `command.opts<EtcdFlags>()`. */
export interface EtcdFlags {
  readonly etcdEndpoints?: string;
  readonly etcdPrefix?: string;
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
  readonly etcdUsername?: string;
  readonly etcdPasswordFile?: string;
  readonly etcdApi?: EtcdApiOption;
}

export interface EtcdTarget {
  readonly connection: EtcdOptions;
  /** Without a slash at the end. */
  readonly prefix: string;
  readonly api: EtcdApiOption;
}

const FLAGS: readonly (readonly [flag: string, help: string])[] = [
  ['--etcd-endpoints <urls>', `client URLs, comma-separated (default: ${DEFAULT_ETCD_ENDPOINTS})`],
  ['--etcd-prefix <prefix>', `where the network lives in etcd (default: ${DEFAULT_ETCD_PREFIX})`],
  ['--etcd-cafile <file>', 'CA that signed the servers’ certificates'],
  ['--etcd-certfile <file>', 'client certificate'],
  ['--etcd-keyfile <file>', 'key of the client certificate'],
  ['--etcd-username <name>', 'etcd user'],
  ['--etcd-password-file <file>', 'file that holds the password of that user'],
];

const APIS: readonly EtcdApiOption[] = ['auto', ...ETCD_APIS];
const GROUP = 'Connection to etcd (or FLANNELD_ETCD_* in the environment):';

/** Adds the flags to a command, and which API to speak. */
export function addEtcdOptions(command: Command): Command {
  const help = 'the API that holds the network: flannel up to 0.17 used v2 (default: auto, where one is found)';
  return addEtcdConnectionOptions(command).addOption(
    new Option('--etcd-api <api>', help).choices(APIS).helpGroup(GROUP),
  );
}

/** Adds the flags to a command that speaks both APIs; each falls back on FLANNELD_ETCD_*, so that they work inside `weft lab exec`. */
export function addEtcdConnectionOptions(command: Command): Command {
  for (const [flag, help] of FLAGS) command.addOption(new Option(flag, help).helpGroup(GROUP));
  return command;
}

/**
 * The connection that flags and environment describe: a flag wins over the environment, an empty variable counts as
 * absent. The password comes from a file or from FLANNELD_ETCD_PASSWORD, never from the command line.
 */
export function resolveEtcdTarget(flags: EtcdFlags, environment: CommandContext['environment']): EtcdTarget {
  const either = (flag: string | undefined, name: string): string | undefined =>
    flag ?? (environment[`FLANNELD_ETCD_${name}`] || undefined);
  const endpoints = (either(flags.etcdEndpoints, 'ENDPOINTS') ?? DEFAULT_ETCD_ENDPOINTS)
    .split(',')
    .map((endpoint) => endpoint.trim())
    .filter((endpoint) => endpoint !== '');
  if (endpoints.length === 0) throw new Fault('usage.flag', { what: '--etcd-endpoints names no endpoint' });
  const apiText = either(flags.etcdApi, 'API') ?? 'auto';
  const api = APIS.find((known) => known === apiText);
  if (api === undefined) {
    const what = `FLANNELD_ETCD_API is ${JSON.stringify(apiText)}`;
    throw new Fault('usage.flag', { what, remedy: `use one of ${APIS.join(', ')}` });
  }
  const caFile = either(flags.etcdCafile, 'CAFILE');
  const certFile = either(flags.etcdCertfile, 'CERTFILE');
  const keyFile = either(flags.etcdKeyfile, 'KEYFILE');
  const username = either(flags.etcdUsername, 'USERNAME');
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new Fault('usage.flag', {
      what: '--etcd-certfile and --etcd-keyfile go together',
      remedy: 'give both or neither',
    });
  }
  const password = username === undefined ? undefined : readPassword(flags.etcdPasswordFile, environment);
  return {
    prefix: cleanEtcdPrefix(either(flags.etcdPrefix, 'PREFIX') ?? DEFAULT_ETCD_PREFIX),
    api,
    connection: {
      endpoints,
      ...(caFile !== undefined && { caFile }),
      ...(certFile !== undefined && { certFile }),
      ...(keyFile !== undefined && { keyFile }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
    },
  };
}

function readPassword(file: string | undefined, environment: CommandContext['environment']): string | undefined {
  const path = file ?? (environment['FLANNELD_ETCD_PASSWORD_FILE'] || undefined);
  if (path === undefined) return environment['FLANNELD_ETCD_PASSWORD'] || undefined;
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new Fault('usage.flag', {
      what: 'the password file cannot be read',
      where: path,
      cause: error,
      remedy: 'check the path and the mode',
    });
  }
}
