/** Where this weft itself is: the launcher that starts agents, also when we run from the bundle. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from '#runtime/fault.ts';

/** Absolute path of `bin/weft`: beside the sources or beside the bundle. */
export function weftProgram(): string {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    const program = join(directory, 'bin', 'weft');
    if (existsSync(program)) return program;
    if (directory === dirname(directory)) break;
  }
  throw new Fault('lab.up', { what: 'the launcher bin/weft is missing', where: import.meta.dirname });
}
