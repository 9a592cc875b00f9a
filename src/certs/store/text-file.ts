/** Small files read whole and written whole: a new one appears under its name with all of its bytes, or not at all. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from '#runtime/fault.ts';

/** Undefined when there is no such file. Throws Fault `certs.file`. */
export function readTextFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined;
    throw fileFault('cannot read a file', path, cause);
  }
}

/** Names of the files in the directory, sorted; none when it is not there. Throws Fault `certs.file`. */
export function listFiles(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return [];
    throw fileFault('cannot look into the directory', directory, cause);
  }
}

/** Replaces what is there. Nobody else can read a file of mode 0600 at any time. Throws Fault `certs.file`. */
export function replaceTextFile(path: string, text: string, mode: number): void {
  const temporary = join(dirname(path), `.weft-${randomBytes(6).toString('hex')}.new`);
  try {
    writeDurably(temporary, text, mode);
    renameSync(temporary, path);
    syncDirectory(dirname(path));
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw fileFault('cannot write a file', path, cause);
  }
}

/** Whether it was there or not. Throws Fault `certs.file`. */
export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (cause) {
    throw fileFault('cannot remove a file', path, cause);
  }
}

/** With the directories above it. Throws Fault `certs.file`. */
export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
  } catch (cause) {
    throw fileFault('cannot make the directory', directory, cause);
  }
}

function writeDurably(path: string, text: string, mode: number): void {
  const bytes = Buffer.from(text);
  const fd = openSync(path, 'wx', mode);
  try {
    fchmodSync(fd, mode);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Until then a rename may be lost when the power fails. */
function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

const REASONS: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  ENOSPC: ['the disk is full', 'make room (df -h); nothing was changed under this name'],
  EDQUOT: ['the quota is used up', 'make room; nothing was changed under this name'],
  EROFS: ['the file system is read-only', 'give a directory that can be written: --dir'],
  EACCES: ['no right to do that', 'run it as the owner of the directory, or give another one: --dir'],
  EPERM: [
    'no right to do that',
    'look at the owner and the attributes of the file (lsattr), or give another directory: --dir',
  ],
  ENOENT: ['there is no such directory', 'weft certs init --dir DIRECTORY makes it'],
  ENOTDIR: ['a part of the path is no directory', 'give a directory: --dir'],
  EISDIR: ['it is a directory', 'move it away'],
};

/** Fault `certs.file` in words for what the system said. */
export function fileFault(what: string, where: string, cause: unknown): Fault {
  const [why, remedy] = REASONS[errorCode(cause)] ?? [
    cause instanceof Error ? cause.message : String(cause),
    undefined,
  ];
  return new Fault('certs.file', { what, where, why, ...(remedy !== undefined && { remedy }), cause });
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
