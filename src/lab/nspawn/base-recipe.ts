/** What the root that all machines share is made of. Another recipe is another base, kept beside the first. Pure. */
import { createHash } from 'node:crypto';

/** Bases are kept over reboots and sets: to make one takes half a minute. */
export const BASES_ROOT = '/var/cache/weft/machines';

/** What a host of a fleet has that somebody has just installed: systemd, sshd and the tools to look around. */
const PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'openssh-server',
  'iproute2',
  'iputils-ping',
  'procps',
  'ca-certificates',
  'nftables',
  'iptables',
];

/** Units that wait for hardware, a console or the internet, or that set the clock, which is this computer's. */
const MASKED_UNITS = [
  'apt-daily-upgrade.service',
  'apt-daily-upgrade.timer',
  'apt-daily.service',
  'apt-daily.timer',
  'chrony.service',
  'console-getty.service',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'fstrim.timer',
  'getty@tty1.service',
  'systemd-networkd-wait-online.service',
  'systemd-resolved.service',
  'systemd-timesyncd.service',
  'systemd-udevd.service',
];

const CONFINED = ['unshare', '--mount', '--propagation', 'slave', '--'];

export interface BaseRecipe {
  /** `bookworm`. */
  readonly suite: string;
  /** Files that apt knows its archives by, as arguments of mmdebstrap. */
  readonly sources: readonly string[];
  readonly packages: readonly string[];
  readonly maskedUnits: readonly string[];
}

/** The recipe for a computer with this /etc/os-release, with packages beyond the usual ones. */
export function baseRecipe(osRelease: string, sources: readonly string[], packages: readonly string[]): BaseRecipe {
  const suite = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(osRelease)?.[1] ?? 'bookworm';
  const all = [...PACKAGES, ...[...packages].sort()];
  return { suite, sources, packages: [...new Set(all)], maskedUnits: MASKED_UNITS };
}

/** Name of the base of that recipe. */
export function baseName(recipe: BaseRecipe): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 16);
}

/**
 * What it mounts in the root while it works shows in a mount namespace of its own only: whatever moment it is killed at, what
 * is left are plain files, which can be removed.
 */
export function mmdebstrapArgv(recipe: BaseRecipe, directory: string): readonly string[] {
  const options = ['--mode=root', '--format=directory', '--variant=minbase', `--include=${recipe.packages.join(',')}`];
  return [...CONFINED, 'mmdebstrap', ...options, recipe.suite, directory, ...recipe.sources];
}

/** Debian's rule for names of packages; nothing else reaches mmdebstrap. */
export const PACKAGE_NAME = /^[a-z0-9][a-z0-9.+-]+$/;
