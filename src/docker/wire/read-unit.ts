/** Finds a unit where systemd looks for it. The files are read, so it needs no systemd that runs. */
import type { Host } from '#hosts/host.ts';
import type { Unit, UnitFile } from './unit.ts';

/** The first that has a file of a name wins; the first of all is the administrator's, where drop-ins are written. */
export const UNIT_DIRECTORIES: readonly string[] = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];

/** Undefined when there is no such unit, or it is masked. */
export async function readUnit(host: Host, directories: readonly string[], name: string): Promise<Unit | undefined> {
  const own = await firstFile(
    host,
    directories.map((directory) => `${directory}/${name}`),
  );
  if (own === undefined || own.text.trim() === '') return undefined;
  // By name, whichever directory they are in; one of the same name further down is hidden.
  const dropIns = new Map<string, string>();
  for (const directory of directories) {
    const folder = `${directory}/${name}.d`;
    const listed = await host.run({ argv: ['ls', '-1', folder], why: `look for drop-ins of ${name}` });
    for (const file of listed.code === 0 ? listed.stdout.split('\n') : []) {
      if (file.endsWith('.conf') && !dropIns.has(file)) dropIns.set(file, `${folder}/${file}`);
    }
  }
  const files: UnitFile[] = [own];
  for (const file of [...dropIns.keys()].sort()) {
    const found = await firstFile(host, [dropIns.get(file) ?? '']);
    if (found !== undefined) files.push(found);
  }
  return { name, files };
}

async function firstFile(host: Host, paths: readonly string[]): Promise<UnitFile | undefined> {
  for (const path of paths) {
    const text = await host.get(path);
    if (text !== undefined) return { path, text };
  }
  return undefined;
}
