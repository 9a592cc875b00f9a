/** Makes the root that all machines share, once for each recipe, and keeps it. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabControl } from '#lab/lab-control.ts';
import { identifyProcess } from '#lab/process-identity.ts';
import { Fault } from '#runtime/fault.ts';
import { BASES_ROOT, type BaseRecipe, baseName, baseRecipe, mmdebstrapArgv } from './base-recipe.ts';

/** Where Debian keeps what apt knows its archives by, in both of its forms. */
const SOURCES = [
  '/etc/apt/sources.list.d/debian.sources',
  '/etc/apt/sources.list.d/ubuntu.sources',
  '/etc/apt/sources.list',
];
const STDERR_TAIL_CHARACTERS = 800;

/** The base's directory; made now when it is not there yet. Fault `machines.base`. */
export async function ensureBase(packages: readonly string[], control: LabControl): Promise<string> {
  const recipe = baseRecipe(
    await readFile('/etc/os-release', 'utf8'),
    SOURCES.filter((file) => existsSync(file)).slice(0, 1),
    packages,
  );
  const directory = join(BASES_ROOT, baseName(recipe));
  if (existsSync(directory)) return directory;
  await mkdir(BASES_ROOT, { recursive: true });
  await removeAbandoned();
  const draft = join(BASES_ROOT, `.${baseName(recipe)}-${process.pid}`);
  const what = `base image: ${recipe.packages.length} packages of ${recipe.suite} and what they need`;
  control.step(what);
  try {
    await buildBase(recipe, draft, control, (line) => control.update(`${what}: ${line}`));
    await finishBase(recipe, draft);
    await renameUnlessThere(draft, directory);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return directory;
}

/** Runs mmdebstrap; what it says it does is passed on. Ctrl-C ends it, and it clears its mounts away itself. */
function buildBase(
  recipe: BaseRecipe,
  directory: string,
  { signal }: LabControl,
  tell: (line: string) => void,
): Promise<void> {
  signal.throwIfAborted();
  const [program = '', ...parameters] = mmdebstrapArgv(recipe, directory);
  const child = spawn(program, parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
  const interrupt = (): void => void child.kill('SIGINT');
  signal.addEventListener('abort', interrupt, { once: true });
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-STDERR_TAIL_CHARACTERS);
    const line = /(?:^|\n)I: ([^\n]*?)(?:\.\.\.)?\n[^\n]*$/.exec(tail)?.[1];
    if (line !== undefined) tell(line);
  });
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new Fault('machines.base', { what: 'the base image could not be made', where: 'mmdebstrap', why }));
    child.on('error', (cause) => fail(cause.message));
    child.on('close', (code) => {
      signal.removeEventListener('abort', interrupt);
      if (signal.aborted) reject(signal.reason);
      else if (code === 0) resolve();
      else fail(`exit code ${code}: ${tail.trim()}`);
    });
  });
}

/** Nothing in the base is one machine's own: no host key, no machine id. */
async function finishBase(recipe: BaseRecipe, base: string): Promise<void> {
  const ssh = join(base, 'etc/ssh');
  for (const file of await readdir(ssh)) if (file.startsWith('ssh_host_')) await rm(join(ssh, file));
  await writeFile(join(ssh, 'sshd_config.d/weft.conf'), 'UseDNS no\nPermitRootLogin prohibit-password\n');
  await writeFile(join(base, 'etc/machine-id'), '');
  for (const unit of recipe.maskedUnits) {
    const link = join(base, 'etc/systemd/system', unit);
    await rm(link, { force: true });
    await symlink('/dev/null', link);
  }
}

/** Another `up` may have made the same one meanwhile, which is as good. */
async function renameUnlessThere(draft: string, directory: string): Promise<void> {
  try {
    await rename(draft, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
  }
}

/** Drafts of processes that were killed; their mmdebstrap ends at the next line that it wants to tell them, and may still write. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(BASES_ROOT)) {
    const pid = /^\.[0-9a-f]+-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && identifyProcess(Number(pid)) === undefined) {
      await rm(join(BASES_ROOT, name), { recursive: true, force: true, maxRetries: 5 });
    }
  }
}
