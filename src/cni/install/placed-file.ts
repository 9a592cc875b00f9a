/**
 * Files that are to be in place: links to programs and a network list. What is there is looked at first, and everything that
 * somebody else put there is known before anything is changed. Each file is replaced at once; a foreign one is kept under
 * another name, which no runtime reads.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorText } from '#cni/protocol/error.ts';
import { Fault } from '#runtime/fault.ts';

export type WantedFile =
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  | { readonly type: 'text'; readonly path: string; readonly text: string; readonly same: (there: string) => boolean };

/** `ours`: written by us, but for another place of the program. */
export type FileState = 'absent' | 'in place' | 'ours' | 'foreign';

const LIST_MODE = 0o644;

/** Throws Fault `host.file` when it cannot be looked at. */
export function fileState(wanted: WantedFile): FileState {
  const stat = lookAt(wanted.path);
  if (stat === undefined) return 'absent';
  if (wanted.type === 'text') return stat.isFile() && wanted.same(readText(wanted.path)) ? 'in place' : 'foreign';
  if (!stat.isSymbolicLink()) return 'foreign';
  if (realPath(wanted.path) === realPath(wanted.target)) return 'in place';
  // A link to nothing helps nobody, and a link to another weft is one that we made.
  const target = readlinkSync(wanted.path);
  return realPath(wanted.path) === undefined || /\/(bin\/weft|cni-weft)$/.test(target) ? 'ours' : 'foreign';
}

/** Puts it in place, whatever is there; `stamp` names the copy that is kept of a foreign file. Throws Fault `host.file`. */
export function placeFile(wanted: WantedFile, state: FileState, stamp: string): string | undefined {
  const folder = dirname(wanted.path);
  const temporary = join(folder, `.weft-${randomBytes(6).toString('hex')}`);
  const backup = state === 'foreign' ? `${wanted.path}.weft-backup-${stamp}` : undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    if (wanted.type === 'link') symlinkSync(wanted.target, temporary);
    else writeDurably(temporary, wanted.text);
    // A second name for what is there, so that at no time nothing is.
    if (backup !== undefined) linkSync(wanted.path, backup);
    renameSync(temporary, wanted.path);
    return backup;
  } catch (cause) {
    discard(temporary);
    throw new Fault('host.file', {
      what: `cannot put ${basename(wanted.path)} in place`,
      where: wanted.path,
      why: errorText(cause),
      cause,
    });
  }
}

/** What went wrong first is the news. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It was never made.
  }
}

function writeDurably(path: string, text: string): void {
  const bytes = Buffer.from(text);
  const fd = openSync(path, 'wx', LIST_MODE);
  try {
    fchmodSync(fd, LIST_MODE);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw new Fault('host.file', { what: 'cannot look at a file', where: path, why: errorText(cause), cause });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Fault('host.file', { what: 'cannot read a network list', where: path, why: errorText(cause), cause });
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
