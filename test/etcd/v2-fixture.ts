/** What the tests of the v2 API share: clusters that serve both APIs, and what an operator or another program does in v2. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { EtcdCluster, EtcdClusterOptions } from '#lab/etcd-cluster.ts';
import { type Cleanup, startCluster } from './client-fixture.ts';

export function startV2Cluster(
  context: Cleanup,
  count: number,
  options: Partial<EtcdClusterOptions> = {},
): Promise<EtcdCluster> {
  return startCluster(context, count, { tls: false, flags: ['--enable-v2=true'], ...options });
}

/** The v2 API as curl would use it: writes anything over anything. */
export class V2Keyboard {
  readonly #base: string;

  constructor(endpoint: string) {
    this.#base = `${endpoint}/v2/keys`;
  }

  async set(key: string, value: string, ttlSeconds?: number): Promise<void> {
    const body = new URLSearchParams({ value, ...(ttlSeconds !== undefined && { ttl: String(ttlSeconds) }) });
    await this.#call(key, { method: 'PUT', body });
  }

  async delete(key: string, query = ''): Promise<void> {
    await this.#call(key, { method: 'DELETE' }, query);
  }

  async get(key: string): Promise<string | undefined> {
    const reply: { readonly node?: { readonly value?: string } } = JSON.parse(await this.#call(key, { method: 'GET' }));
    return reply.node?.value;
  }

  async #call(key: string, request: RequestInit, query = ''): Promise<string> {
    const path = key.split('/').map(encodeURIComponent).join('/');
    return (await fetch(`${this.#base}${path}${query}`, request)).text();
  }
}

export interface CommandOutcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `etcdctl` with the API and the arguments, as an operator types them; `endpoints` come first. */
export async function etcdctl(api: 2 | 3, endpoints: readonly string[], ...words: string[]): Promise<CommandOutcome> {
  const { PATH } = process.env;
  const argv = [`--endpoints=${endpoints.join(',')}`, ...words];
  try {
    const { stdout, stderr } = await promisify(execFile)('etcdctl', argv, {
      env: { PATH, ETCDCTL_API: String(api) },
    });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'number' && 'stdout' in error) {
      return { code: error.code, out: String(error.stdout), err: 'stderr' in error ? String(error.stderr) : '' };
    }
    throw error;
  }
}
