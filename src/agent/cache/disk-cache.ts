/**
 * The cache as a file: read only when it is ours alone, replaced at once and durably. A disk that is full or read-only
 * leaves the file before as it is.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Fault } from '#runtime/fault.ts';
import type { AgentCache, AgentCacheStore, StoreIdentity } from './agent-cache.ts';
import { decodeCache } from './decode-cache.ts';
import { encodeCache } from './encode-cache.ts';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const OTHERS = 0o077;
/** 10,000 leases take about 2 MB. */
const MOST_BYTES = 64 * 1024 * 1024;

export interface DiskCacheOptions {
  readonly path: string;
  /** Asked at each use: which API holds the network is found out at run time. */
  readonly store: () => StoreIdentity;
}

export class DiskCache implements AgentCacheStore {
  readonly #path: string;
  readonly #store: () => StoreIdentity;

  constructor(options: DiskCacheOptions) {
    this.#path = options.path;
    this.#store = options.store;
  }

  async read(): Promise<AgentCache | undefined> {
    const bytes = await readOwn(this.#path);
    return bytes === undefined ? undefined : decodeCache(bytes, this.#store(), this.#path);
  }

  async write(cache: AgentCache): Promise<void> {
    const pieces = await encodeCache(cache, this.#store(), nextTurn);
    const path = this.#path;
    // One agent has one file: what a crash left under this name is of no use to anybody.
    const temporary = join(dirname(path), `.${basename(path)}.new`);
    try {
      await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
      await rm(temporary, { force: true });
      await writeDurably(temporary, pieces);
      await rename(temporary, path);
      await syncFolder(dirname(path));
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw new Fault('cache.write', {
        what: 'the cache cannot be written',
        where: path,
        why: reasonOf(error),
        cause: error,
      });
    }
  }
}

/** The bytes of a file that nobody else can have written; undefined when there is none. */
async function readOwn(path: string): Promise<Buffer | undefined> {
  let file: FileHandle;
  try {
    // Not waiting for a writer, should it be a pipe.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP') throw wrongRights('it is a symbolic link', path);
    throw new Fault('cache.damaged', {
      what: 'the cache cannot be read',
      where: path,
      why: reasonOf(error),
      cause: error,
    });
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw wrongRights('it is no regular file', path);
    if (stat.uid !== process.geteuid?.()) throw wrongRights(`it belongs to the user ${stat.uid}`, path);
    if ((stat.mode & OTHERS) !== 0)
      throw wrongRights(`its mode is 0${(stat.mode & 0o777).toString(8)}, not 0600`, path);
    if (stat.size > MOST_BYTES) {
      throw new Fault('cache.damaged', {
        what: `the cache has ${stat.size} bytes, at most ${MOST_BYTES} are read`,
        where: path,
      });
    }
    return await file.readFile();
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault('cache.damaged', {
      what: 'the cache cannot be read',
      where: path,
      why: reasonOf(error),
      cause: error,
    });
  } finally {
    await file.close();
  }
}

async function writeDurably(path: string, pieces: readonly Buffer[]): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE);
  try {
    // Piece by piece, and each whole: a disk that fills up is an error here.
    await file.writeFile(pieces);
    await file.chmod(FILE_MODE);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function wrongRights(why: string, where: string): Fault {
  return new Fault('cache.rights', { what: 'the cache is not trusted', where, why });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
