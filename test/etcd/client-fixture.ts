/** What the tests of the etcd client share: clusters in memory-backed directories, and waiting for something to be so. */
import { mkdtemp, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Etcd, EtcdOptions, WatchEvent, WatchListener } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import { type EtcdCluster, type EtcdClusterOptions, startEtcdCluster } from '#lab/etcd-cluster.ts';
import { loopbackMembers } from '#lab/etcd-loopback.ts';
import { Fault } from '#runtime/fault.ts';

/** The part of a test or suite context that runs something at its end. */
export interface Cleanup {
  after(run: () => Promise<void> | void): void;
}

export async function temporaryDirectory(context: Cleanup): Promise<string> {
  const directory = await mkdtemp('/dev/shm/weft-etcd-test-');
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A cluster that is stopped at the end of the test. */
export async function startCluster(
  context: Cleanup,
  count: number,
  options: Partial<EtcdClusterOptions> = {},
): Promise<EtcdCluster> {
  const directory = await mkdtemp('/dev/shm/weft-etcd-test-');
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const cluster = await startEtcdCluster({ directory, members: loopbackMembers(count), ...options });
    context.after(async () => {
      await cluster.stop();
      await remove();
    });
    return cluster;
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A client that is closed at the end of the test. */
export function connect(context: Cleanup, cluster: EtcdCluster, options: Partial<EtcdOptions> = {}): Etcd {
  const client = connectEtcd({ endpoints: cluster.endpoints, ...cluster.tls, ...options });
  context.after(() => client.close());
  return client;
}

/** Waits until the condition holds; fails after `limitMs`. */
export async function until(what: string, holds: () => boolean, limitMs = 5_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await pause(5);
  }
}

/** A listener that keeps what it is told, as short texts: `put /a=1`, `delete /a`. */
export class Recorder implements WatchListener {
  readonly seen: string[] = [];
  readonly batches: number[] = [];
  readonly faults: Fault[] = [];
  readonly interruptions: Fault[] = [];
  resumes = 0;
  revision = 0;
  /** What to go on from when the history is lost. */
  relist: () => Promise<number> = () => Promise.reject(new Error('not expected to be lost'));

  readonly events = (events: readonly WatchEvent[], revision: number): void => {
    this.batches.push(events.length);
    this.revision = revision;
    for (const event of events) {
      this.seen.push(event.type === 'put' ? `put ${event.kv.key}=${event.kv.value}` : `delete ${event.key}`);
    }
  };
  readonly lost = (fault: Fault): Promise<number> => {
    this.faults.push(fault);
    return this.relist();
  };
  readonly interrupted = (fault: Fault): void => {
    this.interruptions.push(fault);
  };
  readonly resumed = (): void => {
    this.resumes++;
  };
}

/** The Fault that the promise must end with. */
export async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const result = await promise.then(
    () => 'no error',
    (error: unknown) => error,
  );
  if (result instanceof Fault) return result;
  throw new Error(`expected a Fault, got ${String(result)}`);
}
