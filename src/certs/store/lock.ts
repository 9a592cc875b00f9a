/** Two runs at once on one directory would mix their keys and certificates: the second is refused. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#runtime/fault.ts';
import { errorCode, fileFault, readTextFile } from './text-file.ts';

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
      writeFileSync(path, `${process.pid}\n`, { flag: 'wx', mode: 0o644 });
      return;
    } catch (cause) {
      if (errorCode(cause) !== 'EEXIST') throw fileFault('cannot write into the directory', directory, cause);
      const owner = Number(readTextFile(path) ?? '0');
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

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
