/**
 * A host that is a network namespace of this machine. It has interfaces, routes and sockets of its own and shares
 * everything else with us, so files are our files and only commands need to enter it.
 */
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommand } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import type { FileContent, Host } from './host.ts';

export interface NamespaceHostOptions {
  readonly name: string;
  /** Name of the namespace as `ip netns` lists it. */
  readonly namespace: string;
  /** Set for every command run there. */
  readonly environment?: Readonly<Record<string, string>>;
}

export function namespaceHost(options: NamespaceHostOptions): Host {
  return {
    name: options.name,
    run: (command) =>
      runCommand({
        ...command,
        argv: enterNamespace(options.namespace, command.argv),
        environment: { ...options.environment, ...command.environment },
      }),
    put: putFile,
    get: getFile,
  };
}

/** Where `ip netns` keeps a namespace. */
export function namespacePath(namespace: string): string {
  return `/run/netns/${namespace}`;
}

/**
 * The command that runs `argv` inside. Not `ip netns exec`: that mounts a new /sys, which hides the cgroup mounts from
 * container engines. nsenter replaces itself by the program, so the pid is the program's own.
 */
export function enterNamespace(namespace: string, argv: readonly string[]): readonly string[] {
  return ['nsenter', `--net=${namespacePath(namespace)}`, '--', ...argv];
}

async function putFile(file: FileContent): Promise<void> {
  const temporary = join(dirname(file.path), `.weft-${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    await mkdir(dirname(file.path), { recursive: true });
    await writeFile(temporary, file.content, { mode: file.mode, flag: 'wx', flush: true });
    await chmod(temporary, file.mode);
    await rename(temporary, file.path);
  } catch (cause) {
    // What went wrong first is the news.
    await rm(temporary, { force: true }).catch(() => {});
    throw fileFault(`could not write ${file.path}`, cause);
  }
}

async function getFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw fileFault(`could not read ${path}`, cause);
  }
}

function fileFault(what: string, cause: unknown): Fault {
  return new Fault('host.file', { what, why: cause instanceof Error ? cause.message : String(cause), cause });
}
