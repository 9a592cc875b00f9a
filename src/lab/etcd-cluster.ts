/**
 * Real etcd clusters for the lab, the tests and the bench: one or three members, mutual TLS or plain, each in a network
 * namespace where asked.
 *
 * Each member also listens on a unix socket in its directory (mode 0700), which works from every namespace: that is how
 * the starter sees that the member is ready, and how a command reads a cluster that it has no route to.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Authority } from '#pki/authority.ts';
import { type ClusterTls, writeClusterTls } from './etcd-cluster-tls.ts';
import { awaitHealthy } from './etcd-health.ts';
import {
  type EtcdMember,
  type EtcdMemberOptions,
  endMembers,
  type MemberSettings,
  peerUrl,
  signalMembers,
  startMember,
} from './etcd-member.ts';

export interface EtcdClusterOptions {
  /** Made if missing; gets a directory per member (log, socket) and `tls`. */
  readonly directory: string;
  /** Where the data goes, `<name>/data` each; default: `directory`. Best on tmpfs, since etcd syncs every write. */
  readonly dataDirectory?: string;
  readonly members: readonly EtcdMemberOptions[];
  /** Mutual TLS towards clients and peers with certificates made here (default), or plain http. */
  readonly tls?: boolean;
  /** Signs the certificates; default: a new one. */
  readonly authority?: Authority;
  /** The members go on when the starter ends; else they are killed with it. */
  readonly detached?: boolean;
  /** Limit for all to be ready; default 10,000. */
  readonly timeoutMs?: number;
  /** Further etcd flags, such as `--enable-v2=true`. */
  readonly flags?: readonly string[];
  /** Variables for the members' processes, by which somebody else can tell whose they are. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface EtcdCluster {
  readonly members: readonly EtcdMember[];
  readonly endpoints: readonly string[];
  readonly localEndpoints: readonly string[];
  /** CA, certificate and key for clients; undefined without TLS. */
  readonly tls: ClusterTls | undefined;
  /** From the start of the first process until all members were healthy. */
  readonly readyMs: number;
  /** Starts a member that has ended again, on its data, and waits until it is healthy. */
  restart(name: string): Promise<EtcdMember>;
  /** Ends the members: SIGTERM, then SIGKILL after half a second. The directories stay. */
  stop(): Promise<void>;
}

/**
 * A new member asks the others whether they know it. One that listens and does not serve yet keeps it waiting for a full
 * second each; so members that start together need 2.3 s for their first leader more often than not, and 0.3 s like this.
 */
const STAGGER_MS = 60;

/** What the members of a cluster have in common; the same when one is started again later, by another process. */
export function memberSettings(options: EtcdClusterOptions): MemberSettings {
  const tlsDirectory = options.tls === false ? undefined : join(options.directory, 'tls');
  return {
    directory: options.directory,
    dataDirectory: options.dataDirectory ?? options.directory,
    initialCluster: options.members.map((m) => `${m.name}=${peerUrl(m, tlsDirectory !== undefined)}`).join(','),
    tlsDirectory,
    detached: options.detached ?? false,
    flags: options.flags ?? [],
    environment: options.environment ?? {},
  };
}

/** Starts the members together and waits until all are healthy. Throws a Fault `lab.up` with the end of a log. */
export async function startEtcdCluster(options: EtcdClusterOptions): Promise<EtcdCluster> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const settings = memberSettings(options);
  const { tlsDirectory } = settings;
  const tls =
    tlsDirectory === undefined ? undefined : await writeClusterTls(tlsDirectory, options.members, options.authority);
  const timeoutMs = options.timeoutMs ?? 10_000;
  const running = new Map<string, EtcdMember>();
  let failed: boolean = false;
  const start = async (member: EtcdMemberOptions): Promise<EtcdMember> => {
    const started = await startMember(member, settings);
    running.set(member.name, started.member);
    try {
      // One that failed takes the majority from the others, or at least makes their success pointless.
      await awaitHealthy(started, timeoutMs, () => failed);
    } catch (error) {
      failed = true;
      throw error;
    }
    return started.member;
  };
  const stop = async (): Promise<void> => {
    process.off('exit', killAll);
    await endMembers([...running.values()]);
  };
  const killAll = (): void => signalMembers([...running.values()], 'SIGKILL');
  if (!settings.detached) process.once('exit', killAll);
  const begunMs = performance.now();
  const results = await Promise.allSettled(
    options.members.map(async (member, index) => {
      await pause(index * STAGGER_MS);
      return start(member);
    }),
  );
  const readyMs = performance.now() - begunMs;
  for (const result of results) {
    if (result.status === 'rejected') {
      await stop();
      throw result.reason;
    }
  }
  const members = [...running.values()];
  return {
    members,
    endpoints: members.map(({ endpoint }) => endpoint),
    localEndpoints: members.map(({ localEndpoint }) => localEndpoint),
    tls,
    readyMs,
    restart(name) {
      const member = options.members.find((candidate) => candidate.name === name);
      if (member === undefined) throw new Error(`the cluster has no member ${name}`);
      return start(member);
    },
    stop,
  };
}
