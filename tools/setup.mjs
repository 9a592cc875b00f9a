// Makes a fresh Debian machine ready for `npm run lab` and `npm test`: npm packages with the pinned Node, Debian packages,
// the native part, the bundle. Says what it installs and why; does nothing when everything is there. Needs Node >= 18 only.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleStamp } from './bundle-stamp.mjs';
import { isDebianLike, missingPackages, npmTreeIsCurrent, pinnedNodeVersion, servicesOf } from './setup-plan.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const pinnedNode = join(root, 'node_modules/node/bin/node');
// node_modules/.bin is on PATH under `npm run` and is about to be replaced; sbin may be missing after a plain `su`.
const path = [
  ...(process.env['PATH'] ?? '').split(delimiter).filter((entry) => !entry.endsWith('node_modules/.bin')),
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
];
const environment = { ...process.env, PATH: path.join(delimiter), DEBIAN_FRONTEND: 'noninteractive' };

refuseUnfitSystem();
installNpmPackages();
installDebianPackages();
buildNative();
buildBundle();

function refuseUnfitSystem() {
  if (process.platform !== 'linux') {
    refuse(`weft runs on Linux only (namespaces, VXLAN, netlink), and this is ${process.platform}`);
  }
  if (process.getuid?.() !== 0) {
    refuse(
      'weft needs root here: it installs Debian packages and makes network namespaces; try again with sudo (nothing was changed)',
    );
  }
  const missing = missingPackages(exists);
  if (missing.length > 0 && (!isDebianLike(readText('/etc/os-release') ?? '') || !exists('apt-get'))) {
    const programs = missing.flatMap((entry) => entry.probes).join(', ');
    refuse(`this is no Debian system, so install these yourself, then try again: ${programs} (nothing was changed)`);
  }
}

function installNpmPackages() {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const installed = readText(join(root, 'node_modules/.package-lock.json'));
  if (installed === undefined || !npmTreeIsCurrent(lock, installed)) {
    say('npm packages: compiler, linter, bundler and the pinned Node, as package-lock.json says');
    // Warnings of this step are about the Node that runs npm, which is not the one that runs weft.
    run('npm', ['ci', '--loglevel=error', '--no-audit', '--no-fund']);
  }
  const version = `v${pinnedNodeVersion(lock)}`;
  if (versionOf(pinnedNode) === version) return;
  // npm refuses install scripts of packages unless package.json allows them, and some versions whatever it says;
  // the script of the package `node` only fetches the binary for this machine.
  say(`Node ${version}: npm did not fetch it, so the install script of the package "node" runs now`);
  run(process.execPath, ['installArchSpecificPackage'], join(root, 'node_modules/node'));
  const found = versionOf(pinnedNode);
  if (found !== version)
    fail(`${pinnedNode} should be Node ${version} but ${found === undefined ? 'does not run' : `is ${found}`}`);
}

function installDebianPackages() {
  const missing = missingPackages(exists);
  if (missing.length === 0) return;
  for (const entry of missing) say(`Debian package ${entry.name}: ${entry.why}`);
  const names = missing.map((entry) => entry.name);
  apt(['update']);
  withoutStarting(servicesOf(missing), () => apt(['install', '--yes', '--no-install-recommends', ...names]));
  const still = missingPackages(exists).map((entry) => entry.name);
  if (still.length > 0)
    fail(`apt-get installed ${names.join(', ')}, but programs of ${still.join(', ')} are still not there`);
}

/**
 * Debian starts the services of a package on installation: those of the lab would take this machine's ports and firewall.
 * Only services that this very installation brings are treated so; one that was here before is never touched.
 * @param {string[]} services
 * @param {() => void} install
 */
function withoutStarting(services, install) {
  if (services.length === 0) return install();
  if (existsSync('/run/systemd/system')) {
    run('systemctl', ['--quiet', 'mask', '--runtime', ...services]);
    return undoneAfter(install, () => {
      spawnSync('systemctl', ['--quiet', 'unmask', '--runtime', ...services]);
      spawnSync('systemctl', ['--quiet', 'disable', ...services]);
    });
  }
  // Where no systemd runs, packages ask this file whether they may start something; a machine that has one has its own answer.
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return install();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  undoneAfter(install, () => rmSync(policy));
}

/**
 * Does the work, then `undo`, also when the work ends the process.
 * @param {() => void} work
 * @param {() => void} undo
 */
function undoneAfter(work, undo) {
  process.once('exit', undo);
  work();
  process.off('exit', undo);
  undo();
}

function buildNative() {
  const native = join(root, 'native');
  if (spawnSync('make', ['--question', '-C', native], { env: environment, stdio: 'ignore' }).status === 0) return;
  say('native part: netlink and namespaces for Node, compiled by gcc');
  run('make', ['--silent', '-C', native]);
}

function buildBundle() {
  const bundle = join(root, 'dist/weft.js');
  if (existsSync(bundle) && readText(join(root, 'dist/.stamp')) === bundleStamp(root)) {
    // The launcher compares times, and a checkout changes them without changing the sources.
    utimesSync(bundle, new Date(), new Date());
    return;
  }
  say('bundle: dist/, which starts in half the time of the sources');
  run(pinnedNode, [join(root, 'tools/build.ts'), '--quiet']);
}

/** @param {string[]} parameters */
function apt(parameters) {
  run('apt-get', ['--quiet', '--quiet', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0', ...parameters]);
}

/**
 * Runs it with its output hidden unless it fails; ends setup when it does.
 * @param {string} program
 * @param {string[]} parameters
 */
function run(program, parameters, cwd = root) {
  const { status, error, stdout, stderr } = spawnSync(program, parameters, { cwd, env: environment, encoding: 'utf8' });
  if (status === 0) return;
  process.stderr.write(stdout ?? '');
  process.stderr.write(stderr ?? '');
  fail(
    `${program} ${parameters.join(' ')} ${error === undefined ? `ended with exit code ${status}` : `did not start: ${error.message}`}`,
  );
}

/** @param {string} program */
function versionOf(program) {
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** @param {string} probe */
function exists(probe) {
  if (probe.startsWith('/')) return existsSync(probe);
  return path.some((folder) => isProgram(join(folder, probe)));
}

/** @param {string} file */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} file */
function readText(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

/**
 * @param {string} reason
 * @returns {never}
 */
function refuse(reason) {
  say(reason);
  process.exit(2);
}

/**
 * @param {string} reason
 * @returns {never}
 */
function fail(reason) {
  say(reason);
  process.exit(1);
}
