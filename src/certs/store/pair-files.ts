/**
 * A certificate, its key and its request change together. They are first written as one file (the journal), then put in
 * place one by one, then the journal goes: a run that ends in between is completed by the next one.
 */
import { existsSync, linkSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#runtime/fault.ts';
import { errorCode, fileFault, listFiles, readTextFile, removeFile, replaceTextFile } from './text-file.ts';

/** What is to be in place. */
export interface PairFiles {
  readonly name: string;
  readonly certificate: string;
  readonly key: string;
  /** Absent: the request that is there stays. */
  readonly request?: string;
  /** Files that are kept as `<file>.weft-backup-<stamp>`, since they are not ours to overwrite. */
  readonly keep: readonly string[];
  readonly stamp: string;
}

const JOURNAL = /^\.weft-journal-(.+)\.json$/;
const LEFT_OVER = /^\.weft-[0-9a-f]{12}\.new$/;

/** File names as cfssljson writes them. */
export function certificateFile(name: string): string {
  return `${name}.pem`;
}
export function keyFile(name: string): string {
  return `${name}-key.pem`;
}
export function requestFile(name: string): string {
  return `${name}.csr`;
}

/**
 * Returns the names of the copies that were kept. Throws Fault `certs.file`; what was there before is then still there, or the
 * next run completes it.
 */
export function writePair(directory: string, wanted: PairFiles): readonly string[] {
  const pair = { ...wanted, stamp: freeStamp(directory, wanted) };
  replaceTextFile(journalPath(directory, pair.name), JSON.stringify(pair), 0o600);
  putInPlace(directory, pair);
  return pair.keep.map((file) => backupFile(file, pair.stamp));
}

/** Two runs in the same second must not take the same name for two copies. */
function freeStamp(directory: string, { keep, stamp }: PairFiles): string {
  const taken = (candidate: string): boolean =>
    keep.some((file) => existsSync(join(directory, backupFile(file, candidate))));
  let free = stamp;
  for (let count = 2; taken(free); count++) free = `${stamp}-${count}`;
  return free;
}

function backupFile(file: string, stamp: string): string {
  return `${file}.weft-backup-${stamp}`;
}

/** Names of the certificates whose writing an earlier run began and did not complete. */
export function unfinishedPairs(directory: string): readonly string[] {
  return listFiles(directory).flatMap((file) => JOURNAL.exec(file)?.[1] ?? []);
}

/** Completes them and removes half-written files; returns their names. Throws Fault `certs.file`. */
export function finishPairs(directory: string): readonly string[] {
  for (const file of listFiles(directory)) if (LEFT_OVER.test(file)) removeFile(join(directory, file));
  const names = unfinishedPairs(directory);
  for (const name of names) putInPlace(directory, readJournal(directory, name));
  return names;
}

function putInPlace(directory: string, pair: PairFiles): void {
  for (const file of pair.keep) keepCopy(directory, file, pair.stamp);
  replaceTextFile(join(directory, keyFile(pair.name)), pair.key, 0o600);
  replaceTextFile(join(directory, certificateFile(pair.name)), pair.certificate, 0o644);
  if (pair.request !== undefined) replaceTextFile(join(directory, requestFile(pair.name)), pair.request, 0o644);
  removeFile(journalPath(directory, pair.name));
}

/** A second name for what is there, so that at no time nothing is. */
function keepCopy(directory: string, file: string, stamp: string): void {
  const path = join(directory, file);
  try {
    linkSync(path, join(directory, backupFile(file, stamp)));
  } catch (cause) {
    // An earlier run came as far as this.
    if (errorCode(cause) !== 'EEXIST') throw fileFault('cannot keep a copy of a file', path, cause);
  }
}

function readJournal(directory: string, name: string): PairFiles {
  const path = journalPath(directory, name);
  try {
    const parsed: Partial<Record<keyof PairFiles, unknown>> = Object(JSON.parse(readTextFile(path) ?? ''));
    const { certificate, key, request, keep, stamp } = parsed;
    if (isText(certificate) && isText(key) && isText(stamp) && isTextList(keep)) {
      return { name, certificate, key, keep, stamp, ...(isText(request) && { request }) };
    }
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw new Fault('certs.file', {
    what: 'an earlier run left a journal that cannot be read',
    where: path,
    remedy: 'look at the certificate of that name, then remove the journal',
  });
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

function journalPath(directory: string, name: string): string {
  return join(directory, `.weft-journal-${name}.json`);
}
