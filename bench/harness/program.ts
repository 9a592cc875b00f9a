/** The program that is measured: the bundle, laid out as on a host, started as bin/weft would start it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '#runtime/fault.ts';
import { SANDBOX_DIRECTORY } from './sandbox.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NODE = join(ROOT, 'node_modules/node/bin/node');

export interface AgentProgram {
  /** Node, its flags, the program and the word `agent`. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Builds dist/ from the sources as they are now; gives the path of the bundle. Fault `command.failed` when it does not build. */
export function buildBundle(): string {
  const builder = join(ROOT, 'tools/build.ts');
  const { status } = spawnSync(NODE, [builder, '--quiet'], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) return join(ROOT, 'dist/weft.js');
  throw new Fault('command.failed', { what: 'could not build what is to be measured', where: builder });
}

/**
 * A copy of the bundle, so that a build in between changes nothing. A stand-in for Node tells how the launcher starts
 * it; the launcher itself is left out of the figures, since a service's unit has no reason to go through a shell.
 * `nodeFlags` come on top of the launcher's.
 */
export function installProgram(bundle: string, nodeFlags: readonly string[]): AgentProgram {
  const root = join(SANDBOX_DIRECTORY, 'weft');
  const standIn = join(root, 'node/bin/node');
  mkdirSync(join(root, 'bin'), { recursive: true });
  mkdirSync(dirname(standIn), { recursive: true });
  cpSync(dirname(bundle), join(root, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'bin/weft'), join(root, 'bin/weft'));
  writeFileSync(standIn, '#!/bin/sh\nprintf "%s\\0" "$#" "$@"\nenv -0\n');
  chmodSync(standIn, 0o755);
  const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin' } = process.env;
  const told = execFileSync(join(root, 'bin/weft'), ['agent'], { encoding: 'utf8', env: { PATH } }).split('\0');
  rmSync(join(root, 'node'), { recursive: true });
  const count = Number(told[0]);
  const variables = told.slice(1 + count, -1).map((variable): [string, string] => {
    const at = variable.indexOf('=');
    return [variable.slice(0, at), variable.slice(at + 1)];
  });
  return { argv: [NODE, ...nodeFlags, ...told.slice(1, 1 + count)], environment: Object.fromEntries(variables) };
}
