/** This very machine as a host, and files as hosts that share our disk have them. */
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommand } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import type { FileContent, Host } from './host.ts';

export function localHost(): Host {
  return { name: 'this machine', run: runCommand, put: putFile, get: getFile };
}

/** Writes the file whole or not at all, with its directory. */
export async function putFile(file: FileContent): Promise<void> {
  const temporary = join(dirname(file.path), `.weft-${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    await mkdir(dirname(file.path), { recursive: true });
    await writeFile(temporary, file.content, { mode: file.mode, flag: 'wx', flush: true });
    await chmod(temporary, file.mode);
    await rename(temporary, file.path);
  } catch (cause) {
    // What went wrong first is the news.
    await rm(temporary, { force: true }).catch(() => {});
    throw fileFault(`could not write ${file.path}`, cause);
  }
}

/** The file's text; undefined when there is none. */
export async function getFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw fileFault(`could not read ${path}`, cause);
  }
}

function fileFault(what: string, cause: unknown): Fault {
  return new Fault('host.file', { what, why: cause instanceof Error ? cause.message : String(cause), cause });
}
