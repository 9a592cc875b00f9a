/**
 * The delegate's configuration of every attachment, kept from ADD to DEL. flannel's plugin keeps it in `<dataDir>/<container>`.
 * Here the file is `<container>@<interface>`, so that two interfaces of a container do not overwrite each other (D-36), and
 * `<container>` is a link to the first of them: flannel's plugin finds it on the way back, and what that wrote is found here.
 * A file is replaced at once; what cannot be written leaves nothing.
 */
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { Attachment } from '#cni/protocol/configuration.ts';
import { CNI_CODES, CniError, errorText } from '#cni/protocol/error.ts';
import { checkContainerId } from '#cni/protocol/request.ts';
import { parseSaved } from './saved-delegate.ts';

/** A file that is kept, and what is in it. */
export interface KeptAttachment {
  readonly containerId: string;
  /** Undefined for a file that flannel's plugin wrote. */
  readonly ifname: string | undefined;
  readonly text: string;
}

const TEMPORARY = '.weft-';
const LEFTOVER_MS = 600_000;

/** Throws CniError 5 when the disk is full or cannot be written. */
export function saveAttachment(dataDir: string, attachment: Attachment, text: string): void {
  const own = fileOf(attachment);
  const temporary = `${dataDir}/${TEMPORARY}${process.pid}-${own}`;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeDurably(temporary, text);
    renameSync(temporary, `${dataDir}/${own}`);
    linkCommonName(dataDir, attachment.containerId, own, temporary);
  } catch (error) {
    discard(temporary);
    throw ioError(`failed to save the state of container ${attachment.containerId}`, error);
  }
}

/** What is kept for it in that network, undefined when nothing is. Throws CniError 5 when it cannot be read. */
export function findAttachment(dataDir: string, attachment: Attachment, network: string): KeptAttachment | undefined {
  const { containerId, ifname } = attachment;
  const own = readIfThere(`${dataDir}/${fileOf(attachment)}`);
  if (own !== undefined) return { containerId, ifname, text: own };
  const former = `${dataDir}/${containerId}`;
  // A link leads to another interface of the container.
  const text = linkTarget(former) === undefined ? readIfThere(former) : undefined;
  // flannel's plugin has one file for all networks of a container.
  const other = text !== undefined && (parseSaved(text)?.name || network) !== network;
  return text === undefined || other ? undefined : { containerId, ifname: undefined, text };
}

/** Forgets it; nothing happens when it is not there. Throws CniError 5 when it cannot be removed. */
export function forgetAttachment(dataDir: string, { containerId, ifname }: KeptAttachment): void {
  const own = ifname === undefined ? undefined : fileOf({ containerId, ifname });
  const common = `${dataDir}/${containerId}`;
  try {
    // The link first: ended in between, the file is found again, a link to nothing is not.
    if (linkTarget(common) === own) unlinkIfThere(common);
    if (own !== undefined) unlinkIfThere(`${dataDir}/${own}`);
  } catch (error) {
    throw ioError(`failed to remove the state of container ${containerId}`, error);
  }
}

/** All that is kept, whoever wrote it. */
export function listAttachments(dataDir: string): readonly KeptAttachment[] {
  return names(dataDir).flatMap((name) => {
    // The name of an interface may have an @ too.
    const [, containerId = '', ifname] = /^([^@]*)(?:@(.*))?$/.exec(name) ?? [];
    // Links lead to files that are listed themselves; folders are somebody else's.
    if (!isContainerId(containerId) || !isFile(`${dataDir}/${name}`)) return [];
    const text = readIfThere(`${dataDir}/${name}`);
    return text === undefined ? [] : [{ containerId, ifname, text }];
  });
}

/** Files of plugins that were killed while they wrote. A plugin that still writes takes no ten minutes for it. */
export function removeLeftovers(dataDir: string): void {
  for (const name of names(dataDir)) {
    const path = `${dataDir}/${name}`;
    if (!name.startsWith(TEMPORARY)) continue;
    const written = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (written !== undefined && Date.now() - written > LEFTOVER_MS) rmSync(path, { force: true });
  }
}

function fileOf({ containerId, ifname }: Attachment): string {
  // No container has @ in its id, and no interface a slash.
  return `${containerId}@${ifname}`;
}

function writeDurably(path: string, text: string): void {
  const bytes = Buffer.from(text);
  const fd = openSync(path, 'w', 0o600);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes `<dataDir>/<container>` a link to `own`, unless another interface's link or another network's file is there. */
function linkCommonName(dataDir: string, containerId: string, own: string, temporary: string): void {
  const common = `${dataDir}/${containerId}`;
  try {
    symlinkSync(own, common);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    if (!isSuperseded(dataDir, common, own)) return;
    symlinkSync(own, temporary);
    renameSync(temporary, common);
  }
}

/** A link to nothing is, and so is what flannel's plugin wrote for this network, or wrote in half. */
function isSuperseded(dataDir: string, common: string, own: string): boolean {
  const target = linkTarget(common);
  if (target !== undefined) return readIfThere(`${dataDir}/${target}`) === undefined;
  const former = parseSaved(readIfThere(common) ?? '');
  return former === undefined || former.name === parseSaved(readIfThere(`${dataDir}/${own}`) ?? '')?.name;
}

function names(dataDir: string): readonly string[] {
  try {
    return readdirSync(dataDir);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw ioError(`failed to list the state in ${dataDir}`, error);
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw ioError(`failed to read the state ${path}`, error);
  }
}

/** For clean-up after a failure, which is what is reported. */
function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, or GC removes it.
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function isContainerId(text: string): boolean {
  try {
    checkContainerId(text);
    return true;
  } catch {
    return false;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function ioError(what: string, error: unknown): CniError {
  return new CniError(CNI_CODES.ioFailure, `${what}: ${errorText(error)}`);
}
