/**
 * A host that is a network namespace of this machine. It has interfaces, routes and sockets of its own and shares
 * everything else with us, so files are our files and only commands need to enter it.
 */
import { runCommand } from '#runtime/command.ts';
import type { Host } from './host.ts';
import { getFile, putFile } from './local.ts';

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
