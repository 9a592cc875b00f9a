/** Programs that machines need beyond what a lab does; Debian's packages of them are installed at first use. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { LabControl } from '#lab/lab-control.ts';
import { mustRun } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';

export interface Requirement {
  readonly program: string;
  /** Debian's package. */
  readonly name: string;
}

const REQUIREMENTS: readonly Requirement[] = [
  { program: 'mmdebstrap', name: 'mmdebstrap' },
  { program: 'systemd-nspawn', name: 'systemd-container' },
  { program: 'ssh', name: 'openssh-client' },
  { program: 'nc', name: 'netcat-openbsd' },
];
const INTERNET: readonly Requirement[] = [
  { program: 'slirp4netns', name: 'slirp4netns' },
  { program: 'nft', name: 'nftables' },
];
const INSTALL_TIMEOUT_MS = 600_000;

/** Those of which the program is not on `path` (as in PATH). */
export function missingRequirements(internet: boolean, isThere: (program: string) => boolean): readonly Requirement[] {
  return [...REQUIREMENTS, ...(internet ? INTERNET : [])].filter(({ program }) => !isThere(program));
}

/** Installs what is missing by apt-get; Fault `machines.programs` names the packages when that cannot be done. */
export async function ensureRequirements(internet: boolean, control: LabControl): Promise<void> {
  const missing = missingRequirements(internet, isOnPath);
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name);
  const install = ['install', '--yes', '--no-install-recommends', ...names];
  const detail = {
    what: `programs that machines need are missing: ${missing.map(({ program }) => program).join(', ')}`,
    remedy: `install them: apt-get ${install.join(' ')}`,
  };
  if (!isOnPath('apt-get')) {
    throw new Fault('machines.programs', {
      ...detail,
      why: 'this computer has no apt-get, so weft cannot install them',
    });
  }
  control.step(`Debian packages for machines: ${names.join(', ')}`);
  try {
    await aptGet(['update']);
    await aptGet(install);
  } catch (cause) {
    const why = cause instanceof Fault ? cause.summary : String(cause);
    throw new Fault('machines.programs', { ...detail, why, cause });
  }
}

async function aptGet(words: readonly string[]): Promise<void> {
  await mustRun({
    argv: ['apt-get', '--quiet', '--quiet', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0', ...words],
    environment: { DEBIAN_FRONTEND: 'noninteractive' },
    why: `install Debian packages`,
    timeoutMs: INSTALL_TIMEOUT_MS,
  });
}

function isOnPath(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
