/** The image of the lab's containers: busybox with a link for every command of its, made on this machine. */
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { LabPlan } from '#lab/plan.ts';
import { mustRun } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';

/** The archive of the lab's image, for `docker import`; made at the first call. */
export async function podImageFile({ directory }: LabPlan): Promise<string> {
  const file = join(directory, 'pod-image.tar');
  if (existsSync(file)) return file;
  const draft = await mkdtemp(join(directory, '.pod-image-'));
  try {
    await mkdir(join(draft, 'bin'));
    // A container's user need not be root.
    await chmod(draft, 0o755);
    const busybox = findBusybox();
    await cp(busybox, join(draft, 'bin/busybox'));
    const { stdout } = await mustRun({ argv: [busybox, '--list'], why: 'ask busybox for its commands' });
    const names = stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
    await Promise.all(names.map((name) => symlink('busybox', join(draft, 'bin', name))));
    await mustRun({ argv: ['tar', '-C', draft, '-cf', `${draft}.tar`, 'bin'], why: 'pack the image of the Pods' });
    await rename(`${draft}.tar`, file);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return file;
}

/** Debian's busybox-static: the one program that needs no other file. */
function findBusybox(): string {
  const folders = (process.env['PATH'] ?? '/usr/bin:/bin').split(delimiter);
  const found = folders.map((folder) => join(folder, 'busybox')).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Fault('lab.docker', { what: '--pods docker makes its image of busybox, and PATH has none' });
}
