/** Where this weft itself is: the launcher that starts agents, also when we run from the bundle. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from '#runtime/fault.ts';

/** Absolute path of the CNI plugin `weft`: beside the bundle or where the native part is built. */
export function cniProgram(): string {
  const root = dirname(dirname(weftProgram()));
  const candidates = [join(root, 'dist/cni-weft'), join(root, 'native/build/cni-weft')];
  const found = candidates.find((program) => existsSync(program));
  if (found !== undefined) return found;
  throw new Fault('lab.up', { what: 'the program of the CNI plugin weft is missing', where: candidates.join(', ') });
}

/** Absolute path of `bin/weft`: beside the sources or beside the bundle. */
export function weftProgram(): string {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    const program = join(directory, 'bin', 'weft');
    if (existsSync(program)) return program;
    if (directory === dirname(directory)) break;
  }
  throw new Fault('lab.up', { what: 'the launcher bin/weft is missing', where: import.meta.dirname });
}
