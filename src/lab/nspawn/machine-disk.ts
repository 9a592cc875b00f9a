/** Writes what is a machine's own onto its disk, and makes and clears the layers of that disk. */
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mustRun } from '#runtime/command.ts';
import { type DiskStack, layersDirectory, neededLayers, upperOf, workOf } from './disk-stack.ts';
import type { Machine, MachinePlan } from './machine-set.ts';
import { sshFiles } from './ssh-access.ts';
import { supervisorFiles } from './supervisor-script.ts';

/** slirp4netns answers DNS there. */
const INTERNET_RESOLVER = '10.0.2.3';

/** A new machine: its name, id, host key, and who may enter. Returns the host key's public half. */
export async function makeDisk(plan: MachinePlan, machine: Machine, stack: DiskStack): Promise<string> {
  await settleLayers(machine, stack);
  const root = upperOf(machine.directory, stack.layers[0] ?? 1);
  const hosts = plan.machines.map(({ address, name }) => `${address} ${name}\n`).join('');
  await put(root, 'etc/hostname', `${machine.name}\n`);
  await put(root, 'etc/hosts', `127.0.0.1 localhost\n::1 localhost\n${hosts}`);
  await put(root, 'etc/machine-id', `${machine.machineId}\n`, 0o444);
  await put(root, 'etc/resolv.conf', plan.internet ? `nameserver ${INTERNET_RESOLVER}\n` : '');
  await put(root, 'root/.ssh/authorized_keys', await readFile(`${sshFiles(plan).key}.pub`, 'utf8'), 0o600);
  const hostKey = join(root, 'etc/ssh/ssh_host_ed25519_key');
  await mkdir(dirname(hostKey), { recursive: true });
  await makeKey(hostKey, `root@${machine.name}`);
  // Whatever the umask is: where both layers have a directory, the mode of the upper one counts.
  for (const directory of ['etc', 'etc/ssh']) await chmod(join(root, directory), 0o755);
  for (const directory of ['root', 'root/.ssh']) await chmod(join(root, directory), 0o700);
  return readFile(`${hostKey}.pub`, 'utf8');
}

/** The layers that the stack names are there, and no others. */
export async function settleLayers(machine: Machine, stack: DiskStack): Promise<void> {
  const { directory } = machine;
  await mkdir(supervisorFiles(machine).root, { recursive: true });
  for (const layer of stack.layers) {
    await mkdir(upperOf(directory, layer), { recursive: true });
    await mkdir(workOf(directory, layer), { recursive: true });
    // It becomes the mode of the machine's root directory.
    await chmod(upperOf(directory, layer), 0o755);
  }
  const needed = neededLayers(stack);
  for (const name of await readdir(layersDirectory(directory))) {
    if (!needed.has(Number(name))) await rm(join(layersDirectory(directory), name), { recursive: true, force: true });
  }
}

/** An Ed25519 key without a passphrase: FILE with mode 0600, and FILE.pub. */
export async function makeKey(file: string, comment: string): Promise<void> {
  await mustRun({
    argv: ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file],
    why: 'make an SSH key',
  });
}

async function put(root: string, path: string, text: string, mode = 0o644): Promise<void> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, mode);
}
