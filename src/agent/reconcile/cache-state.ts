/** What the core knows of its cache: what was read, whether the agent runs on it, and what is still to be written. */
import type { AgentCache } from '#agent/cache/agent-cache.ts';
import { type Effort, newEffort, type Pause } from './effort.ts';

/** How the cache is used; without these settings there is none. */
export interface CacheSettings {
  /** How long the store may take for its first answer before the cache is read, in milliseconds. */
  readonly patienceMs: number;
}

export interface CacheState {
  startedAt: number;
  /** How the store answered last when it was asked for document and leases. */
  answer: 'none yet' | 'failed' | 'good';
  reading: 'not yet' | 'running' | 'done';
  /** What was read; `checked` when it is of this machine. */
  found: AgentCache | undefined;
  checked: boolean;
  /** Since when the network is the cache's, because the store does not answer. */
  adoptedAt: number | undefined;
  /** Counts what is worth writing: a peer that comes, changes or goes, and our own lease. */
  version: number;
  /** The version that the file has, or is getting. */
  savedVersion: number;
  /** Of the changes that no file has yet: when the first and the last of them came. */
  firstChangeAt: number;
  lastChangeAt: number;
  /** When a file was last begun. */
  savedAt: number;
  readonly save: Effort;
  /** Why the file cannot be written, so that it is said once. */
  trouble: string | undefined;
}

export function newCacheState(): CacheState {
  return {
    startedAt: 0,
    answer: 'none yet',
    reading: 'not yet',
    found: undefined,
    checked: false,
    adoptedAt: undefined,
    version: 0,
    savedVersion: 0,
    firstChangeAt: Number.NEGATIVE_INFINITY,
    lastChangeAt: Number.NEGATIVE_INFINITY,
    savedAt: Number.NEGATIVE_INFINITY,
    save: newEffort(),
    trouble: undefined,
  };
}

/** The agent runs on the cache, and the store has still not answered. */
export function isUnanswered({ adoptedAt, answer }: CacheState): boolean {
  return adoptedAt !== undefined && answer !== 'good';
}

/** Something changed that the next start should know. */
export function outdateCache(cache: CacheState, now: number): void {
  if (cache.version === cache.savedVersion) cache.firstChangeAt = now;
  cache.version += 1;
  cache.lastChangeAt = now;
}

export const SAVE_PAUSE: Pause = { firstMs: 5000, mostMs: 600_000 };
/** A file is written when changes have paused for so long, */
const QUIET_MS = 1000;
/** or the first of them is so old, */
const LONGEST_WAIT_MS = 10_000;
/** and never sooner after the one before. */
const LEAST_INTERVAL_MS = 2000;

/** When the next file is due; Infinity when the last one is right. */
export function saveTime(cache: CacheState): number {
  if (cache.save.running || cache.version === cache.savedVersion) return Number.POSITIVE_INFINITY;
  const calm = Math.min(cache.lastChangeAt + QUIET_MS, cache.firstChangeAt + LONGEST_WAIT_MS);
  return Math.max(calm, cache.savedAt + LEAST_INTERVAL_MS, cache.save.notBefore);
}
