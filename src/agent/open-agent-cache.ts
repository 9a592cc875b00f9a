/** The cache of this host, loaded only where it is used: a start with the store at hand does not pay for it. */
import { existsSync } from 'node:fs';
import type { AgentCacheStore } from '#agent/cache/agent-cache.ts';
import type { DiskCache, DiskCacheOptions } from '#agent/cache/disk-cache.ts';

export function openAgentCache(options: DiskCacheOptions): AgentCacheStore {
  const open = async (): Promise<DiskCache> => {
    const { DiskCache } = await import('#agent/cache/disk-cache.ts');
    return new DiskCache(options);
  };
  return {
    async read() {
      return existsSync(options.path) ? (await open()).read() : undefined;
    },
    async write(cache) {
      await (await open()).write(cache);
    },
  };
}
