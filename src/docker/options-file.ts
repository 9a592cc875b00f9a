/** Docker's file of options on disk: whoever reads it finds the old text or the new one, never half of it. */
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Fault } from '#runtime/fault.ts';

/**
 * Replaces the file at `path`; a file that is there keeps its mode, a link keeps pointing to it, and a device such as
 * /dev/stdout is written to. Throws Fault `host.file`.
 */
export function writeOptionsFile(path: string, text: string): void {
  try {
    const present = statSync(path, { throwIfNoEntry: false });
    if (/^\/(dev|proc)\//.test(path) || (present !== undefined && !present.isFile())) appendFileSync(path, text);
    else replaceFile(present === undefined ? path : realpathSync(path), text, present?.mode);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('host.file', { what: "cannot write docker's options", where: path, why, cause });
  }
}

function replaceFile(path: string, text: string, mode: number | undefined): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const temporary = join(dirname(path), `.${basename(path)}${randomBytes(6).toString('hex')}`);
  try {
    writeDurably(temporary, text, mode);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function writeDurably(path: string, text: string, mode: number | undefined): void {
  const fd = openSync(path, 'wx', 0o644);
  try {
    if (mode !== undefined) fchmodSync(fd, mode & 0o777);
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
