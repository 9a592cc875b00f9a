/** Two runs at once on one directory would mix their keys and certificates: the second is refused. */
import { readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#runtime/fault.ts';
import { errorCode, fileFault } from './text-file.ts';

/** Runs `work` as the only one on the directory. Throws Fault `certs.busy` or `certs.file`. */
export async function withLock<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  const path = join(directory, '.weft-certs.lock');
  takeLock(directory, path);
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function takeLock(directory: string, path: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      // A link is there with its text at once, on a full disk too.
      symlinkSync(String(process.pid), path);
      return;
    } catch (cause) {
      if (errorCode(cause) !== 'EEXIST') throw fileFault('cannot write into the directory', directory, cause);
      const owner = lockOwner(path);
      if (attempt > 1 || isAlive(owner)) {
        throw new Fault('certs.busy', {
          what: 'another run works on these certificates',
          where: path,
          ...(owner > 0 && { why: `process ${owner} is alive` }),
        });
      }
      // Its owner died.
      rmSync(path, { force: true });
    }
  }
}

/** 0 when that cannot be told. */
function lockOwner(path: string): number {
  try {
    return Number(readlinkSync(path));
  } catch {
    // It has gone just now, or somebody put another kind of file there.
    return 0;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
