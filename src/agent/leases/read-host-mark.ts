/** Which machine this is, as the system says. */
import { readFileSync } from 'node:fs';
import { type HostMark, hostMarkOf } from './host-record.ts';

const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
const NAME_FILE = '/proc/sys/kernel/hostname';

/** Undefined when the file is not there or holds no machine id: nobody can be told apart then, and nothing is checked. */
export function readHostMark(machineIdFile: string): HostMark | undefined {
  if (machineIdFile === '') return undefined;
  const machineId = read(machineIdFile);
  const bootId = read(BOOT_ID_FILE);
  if (!/^[\da-f]{32}$/.test(machineId) || bootId === '') return undefined;
  return hostMarkOf(machineId, bootId, read(NAME_FILE));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
