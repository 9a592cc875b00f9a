/** A host in a namespace of its own with the real agent in it, for tests of the agent as a process. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type EtcdCluster, startEtcdCluster } from '#lab/etcd-cluster.ts';
import { awaitReady } from '#lab/ready.ts';

export const WEFT = join(import.meta.dirname, '../../bin/weft');
export const PREFIX = '/kubernetes/network';
const PATIENCE_MS = 15_000;

let count = 0;

/** A running agent, its log so far, and how it ends. */
export interface RunningAgent {
  readonly process: ChildProcess;
  readonly log: () => string;
  readonly ended: Promise<number | string>;
  /** Waits for READY=1. */
  ready(): Promise<void>;
  /** What the service manager was told last. */
  status(): string;
  /** Waits until the log matches; fails with the log when it does not in time. */
  logged(pattern: RegExp): Promise<RegExpExecArray>;
}

export class AgentHost {
  readonly namespace: string;
  readonly directory: string;
  readonly address: string;
  #starts = 0;

  /** A namespace with `eth0`, up, with that address and MTU 1500; removed with its processes when the test ends. */
  constructor(context: TestContext, address = '10.77.0.11/16') {
    count += 1;
    this.namespace = `weft-agent-${process.pid}-${count}`;
    this.address = address;
    this.directory = mkdtempSync(join(tmpdir(), 'weft-agent-'));
    execFileSync('ip', ['netns', 'add', this.namespace]);
    context.after(() => {
      execFileSync('ip', ['netns', 'delete', this.namespace]);
      rmSync(this.directory, { recursive: true });
    });
    this.batch(
      'link add eth0 mtu 1500 type veth peer name eth0p',
      'link set lo up',
      'link set eth0p up',
      'link set eth0 up',
      `address add ${address} dev eth0`,
    );
  }

  get subnetFile(): string {
    return join(this.directory, 'subnet.env');
  }

  get controlSocket(): string {
    return join(this.directory, 'agent.sock');
  }

  get cacheFile(): string {
    return join(this.directory, 'agent-cache.json');
  }

  batch(...lines: readonly string[]): void {
    execFileSync('ip', ['-n', this.namespace, '-batch', '-'], { input: lines.join('\n') });
  }

  /** What `ip` or `bridge` prints about this host, without the last line end. */
  print(command: 'ip' | 'bridge', ...words: readonly string[]): string {
    return execFileSync(command, ['-n', this.namespace, ...words], { encoding: 'utf8' }).replace(/\n$/, '');
  }

  /** One etcd member on this host; plain http unless `tls`. */
  async etcd(context: TestContext, tls = false): Promise<EtcdCluster> {
    const address = this.address.replace(/\/.*/, '');
    const member = { name: 'e1', address, namespace: this.namespace };
    const directory = mkdtempSync('/dev/shm/weft-agent-etcd-');
    const cluster = await startEtcdCluster({ directory, members: [member], tls });
    context.after(async () => {
      await cluster.stop();
      rmSync(directory, { recursive: true });
    });
    return cluster;
  }

  /** Starts the agent with these flags; it is killed when the test ends, if it still runs. */
  start(context: TestContext, ...flags: readonly string[]): RunningAgent {
    this.#starts += 1;
    const signal = awaitReady(join(this.directory, `notify-${this.#starts}`));
    const files = [
      '-subnet-file',
      this.subnetFile,
      '-cache-file',
      this.cacheFile,
      '-control-socket',
      this.controlSocket,
    ];
    const argv = ['agent', '-etcd-prefix', PREFIX, '-iface', 'eth0', ...files, ...flags];
    const child = spawn('nsenter', [`--net=/run/netns/${this.namespace}`, WEFT, ...argv], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, NOTIFY_SOCKET: signal.path },
    });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const ended = new Promise<number | string>((resolve) => {
      child.on('exit', (code, by) => resolve(code ?? by ?? 'unknown'));
    });
    context.after(async () => {
      child.kill('SIGKILL');
      await ended;
      signal[Symbol.dispose]();
    });
    const within = async <T>(what: string, work: Promise<T>): Promise<T> => {
      const { promise, reject } = Promise.withResolvers<T>();
      const timer = setTimeout(() => reject(new Error(`${what} did not come:\n${log}`)), PATIENCE_MS);
      try {
        return await Promise.race([work, promise]);
      } finally {
        clearTimeout(timer);
      }
    };
    return {
      process: child,
      log: () => log,
      ended,
      ready: () => within('READY=1', signal.ready),
      status: () => signal.status(),
      logged: (pattern) =>
        within(
          String(pattern),
          new Promise((resolve) => {
            const look = (): void => {
              const found = pattern.exec(log);
              if (found === null) child.stderr.once('data', () => setImmediate(look));
              else resolve(found);
            };
            look();
          }),
        ),
    };
  }

  readSubnetFile(): string {
    return readFileSync(this.subnetFile, 'utf8');
  }
}

/** The flags for a cluster. */
export function etcdFlags(cluster: EtcdCluster): readonly string[] {
  const flags = ['-etcd-endpoints', cluster.endpoints.join(',')];
  if (cluster.tls === undefined) return flags;
  const { caFile, certFile, keyFile } = cluster.tls;
  return [...flags, '-etcd-cafile', caFile, '-etcd-certfile', certFile, '-etcd-keyfile', keyFile];
}

/** Waits until `look` gives a value that passes. */
export async function eventually<T>(look: () => T, passes: (value: T) => boolean, what: string): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const value = look();
    if (passes(value)) return value;
    if (performance.now() > deadline) assert.fail(`${what}: still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
