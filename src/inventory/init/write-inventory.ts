/** Puts a new inventory on disk: whole or not at all, and never over another one unasked. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { Fault } from '#runtime/fault.ts';

/** Fault `inventory.exists` without `replace`; `host.file` when it cannot be written. */
export async function writeInventory(file: string, text: string, replace: boolean): Promise<void> {
  const fresh = `${file}.${process.pid}.new`;
  try {
    await writeFile(replace ? fresh : file, text, { flag: 'wx' });
    if (replace) await rename(fresh, file);
  } catch (cause) {
    // Whatever keeps the file from being written may keep it from being removed: the first is what is told.
    if (replace) await rm(fresh, { force: true }).catch(() => undefined);
    if (!replace && cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      throw new Fault('inventory.exists', { what: `${file} is there already`, where: file });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('host.file', { what: 'the inventory cannot be written', where: file, why, cause });
  }
}
