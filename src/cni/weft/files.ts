/**
 * The few things that are done with small files, so that tests can let each of them fail. Synchronous: they are on a local
 * disk or in its cache, each takes microseconds, and a Pod waits for them.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface Files {
  /** With its parents, for root alone unless it is there. */
  makeFolder(path: string, mode: number): void;
  /** False when there is one of that name; a file that could not be written whole is gone again. */
  create(path: string, text: string): boolean;
  /** In one step: who reads it has the old text or the new one. */
  replace(path: string, text: string): void;
  /**
   * In place, for what is only a hint: a crash can leave some of the old text behind the new one. Never emptied first, since
   * ext4 writes such a file out before it goes on.
   */
  overwrite(path: string, text: string): void;
  /** Undefined when there is none. */
  read(path: string): string | undefined;
  /** False when there was none. */
  remove(path: string): boolean;
  /** Names in a folder; none when there is no folder. */
  list(path: string): readonly string[];
  /** Milliseconds since it was written last; undefined when there is none. */
  age(path: string): number | undefined;
}

const MODE = 0o600;

export const systemFiles: Files = {
  makeFolder(path, mode) {
    mkdirSync(path, { recursive: true, mode });
  },
  create(path, text) {
    try {
      writeFileSync(path, text, { flag: 'wx', mode: 0o644 });
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      removeIfThere(path);
      throw error;
    }
  },
  replace(path, text) {
    const next = join(dirname(path), `.${basename(path)}`);
    try {
      writeFileSync(next, text, { mode: MODE });
      renameSync(next, path);
    } catch (error) {
      removeIfThere(next);
      throw error;
    }
  },
  overwrite(path, text) {
    const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    try {
      const written = writeSync(file, text, 0);
      if (fstatSync(file).size > written) ftruncateSync(file, written);
    } finally {
      closeSync(file);
    }
  },
  read(path) {
    return unlessAbsent(() => readFileSync(path, 'utf8'), undefined);
  },
  remove(path) {
    return removeIfThere(path);
  },
  list(path) {
    return unlessAbsent(() => readdirSync(path), []);
  },
  age(path) {
    return unlessAbsent(() => Date.now() - statSync(path).mtimeMs, undefined);
  },
};

function removeIfThere(path: string): boolean {
  return unlessAbsent(() => {
    unlinkSync(path);
    return true;
  }, false);
}

function unlessAbsent<Value>(call: () => Value, absent: Value): Value {
  try {
    return call();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return absent;
    throw error;
  }
}

/** `ENOSPC` and the like, of a failed system call; undefined for any other error. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
