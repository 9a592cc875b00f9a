/** Hosts as network namespaces, each with a cable to the sandbox's switch. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { enterNamespace, namespacePath } from '#hosts/namespace.ts';
import { mustRun, runCommand } from '#runtime/command.ts';
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import { SANDBOX_DIRECTORY, SWITCH } from './sandbox.ts';

export interface BenchHost {
  readonly namespace: string;
  /** File of the namespace. */
  readonly path: string;
  /** IPv4 address on eth0. */
  readonly address: string;
  /** For its files; in memory. */
  readonly directory: string;
}

const IP_PROCESSES = 4;
let hostsMade = 0;

/** Makes that many hosts, ready for an agent. */
export async function makeHosts(count: number): Promise<readonly BenchHost[]> {
  const hosts = Array.from({ length: count }, newHost);
  const cables = hosts.map(
    ({ namespace }) =>
      `link add eth0 netns ${namespace} type veth peer name ${namespace}\nlink set ${namespace} master ${SWITCH} up\n`,
  );
  await ipBatch([...hosts.map(({ namespace }) => `netns add ${namespace}\n`), ...cables], 'make hosts');
  await mapConcurrent(hosts, IP_PROCESSES, ({ namespace, address }) =>
    ipBatchIn(namespace, ['link set lo up\n', `address add ${address}/16 dev eth0\n`, 'link set eth0 up\n']),
  );
  return hosts;
}

/** Removes them with all that stands in them; agents must have ended. */
export async function removeHosts(hosts: readonly BenchHost[]): Promise<void> {
  // The kernel tears a namespace down later, when the next figure runs, so the heavy part is done here and now.
  await mapConcurrent(hosts, IP_PROCESSES, ({ namespace }) => forgetDevice(namespace));
  const names = hosts.map(({ namespace }) => namespace);
  await ipBatch(
    [...names.map((name) => `link del ${name}\n`), ...names.map((name) => `netns del ${name}\n`)],
    'remove hosts',
  );
}

/** Removes `flannel.1` with its routes, neighbours and FDB, where it is there. */
export async function forgetDevice(namespace: string): Promise<void> {
  const argv = enterNamespace(namespace, ['ip', 'link', 'del', 'flannel.1']);
  await runCommand({ argv, why: 'remove flannel.1' });
}

/** Runs `ip -batch` inside a namespace. */
export async function ipBatchIn(namespace: string, lines: readonly string[]): Promise<void> {
  const argv = enterNamespace(namespace, ['ip', '-batch', '-']);
  await mustRun({ argv, stdin: lines.join(''), why: `set up ${namespace}` });
}

async function ipBatch(lines: readonly string[], why: string): Promise<void> {
  await mustRun({ argv: ['ip', '-batch', '-'], stdin: lines.join(''), why });
}

function newHost(): BenchHost {
  hostsMade += 1;
  const namespace = `h${hostsMade}`;
  const directory = join(SANDBOX_DIRECTORY, namespace);
  mkdirSync(directory);
  const address = `172.20.${1 + (hostsMade >> 8)}.${hostsMade & 255}`;
  return { namespace, path: namespacePath(namespace), address, directory };
}
