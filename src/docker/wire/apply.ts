/** Makes a plan so: writes the files, lets systemd read them, and brings docker onto the lease when that is asked for. */
import { dirname } from 'node:path';
import { type Bridge, readBridge, removeBridge } from '#hosts/bridge.ts';
import type { FileContent, Host } from '#hosts/host.ts';
import type { Command } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import type { LeaseFacts } from './lease-facts.ts';
import { BRIDGE, type DockerUnit, hasSystemd, readEngine } from './read-running.ts';
import { judgeBridge } from './stale-bridge.ts';
import type { FileChange } from './wiring.ts';

const FILE_MODE = 0o644;
/** Of a copy of daemon.json, which may hold the password of a proxy. */
const COPY_MODE = 0o600;
/** Docker stops its containers one by one before it ends. */
const SERVICE_TIMEOUT_MS = 300_000;

/** Writes and removes files in the order given; a directory that is empty then goes as well, if it holds drop-ins. */
export async function applyChanges(host: Host, changes: readonly FileChange[]): Promise<void> {
  for (const { path, before, after } of changes) {
    if (after !== undefined) {
      const place = before === undefined ? newPlace(path) : await placeOf(host, path);
      await host.put({ ...place, content: after });
      continue;
    }
    await must(host, { argv: ['rm', '-f', path], why: `remove ${path}` });
    const folder = dirname(path);
    if (!folder.endsWith('.service.d')) continue;
    const argv = ['rmdir', '--ignore-fail-on-non-empty', folder];
    await must(host, { argv, why: `remove ${folder}` });
  }
}

type Place = Pick<FileContent, 'path' | 'mode'>;

function newPlace(path: string): Place {
  return { path, mode: path.includes('.weft-backup-') ? COPY_MODE : FILE_MODE };
}

/** A file that is there keeps its mode, and a link keeps pointing to it. */
async function placeOf(host: Host, path: string): Promise<Place> {
  const why = `look at ${path}`;
  const target = await host.run({ argv: ['readlink', '-f', path], why });
  const mode = await host.run({ argv: ['stat', '-L', '--format=%a', path], why });
  const bits = Number.parseInt(mode.stdout, 8);
  return {
    path: target.code === 0 ? target.stdout.trim() : path,
    mode: mode.code === 0 && !Number.isNaN(bits) ? bits : FILE_MODE,
  };
}

/** Whether there was a systemd to be told. */
export async function reloadUnits(host: Host): Promise<boolean> {
  if (!(await hasSystemd(host))) return false;
  await must(host, { argv: ['systemctl', 'daemon-reload'], why: 'let systemd read its units again' });
  return true;
}

export interface Restart {
  readonly docker: string;
  readonly lease: LeaseFacts | undefined;
  /** What the agent's unit runs when it is ready, so that docker's options are there before the agent starts again. */
  readonly optionsCommand: readonly string[] | undefined;
}

/**
 * Restarts docker, without a bridge of an older lease. Refused with Fault `docker.attached` when containers are on docker's
 * bridge: they would end.
 */
export async function restartDocker(host: Host, { docker, lease, optionsCommand }: Restart): Promise<void> {
  await refuseAttached(host, docker);
  if (optionsCommand !== undefined) await must(host, { argv: optionsCommand, why: "write docker's options" });
  await must(host, { argv: ['systemctl', 'stop', docker], why: `stop ${docker}`, timeoutMs: SERVICE_TIMEOUT_MS });
  if (lease !== undefined) await removeStaleBridge(host, lease, docker);
  await must(host, { argv: ['systemctl', 'start', docker], why: `start ${docker}`, timeoutMs: SERVICE_TIMEOUT_MS });
}

/**
 * Removes docker0 when it is not of this lease and nothing is plugged into it, as the guides' remove-docker0.sh; what was
 * done, or why nothing, in a sentence. A docker that runs is left with its bridge: it has to be restarted anyway.
 */
export async function removeStaleBridge(
  host: Host,
  lease: LeaseFacts,
  docker: DockerUnit,
): Promise<string | undefined> {
  const verdict = judgeBridge(await readBridge(host, BRIDGE), lease.bip);
  if (verdict.kind === 'right') return undefined;
  const state = `${BRIDGE} has ${verdict.has} and the lease is ${lease.bip}`;
  const engine = await readEngine(host, docker);
  if (verdict.kind === 'in-use') {
    const named = typeof engine === 'string' || engine.containers.length === 0 ? verdict.ports : engine.containers;
    return `${state}: it is left alone, since these are attached: ${named.join(', ')}`;
  }
  if (typeof engine !== 'string') return `${state}: docker changes it when it is restarted`;
  await removeBridge(host, BRIDGE);
  return `${state}: removed, since nothing is attached; docker makes it anew`;
}

async function refuseAttached(host: Host, docker: DockerUnit): Promise<void> {
  const [engine, bridge] = await Promise.all([readEngine(host, docker), readBridge(host, BRIDGE)]);
  const names = typeof engine === 'string' ? portsOf(bridge) : engine.containers;
  if (names.length === 0) return;
  throw new Fault('docker.attached', {
    what: `docker is not restarted, since ${names.length} containers are on its bridge: ${names.join(', ')}`,
    where: BRIDGE,
  });
}

function portsOf(bridge: Bridge | undefined): readonly string[] {
  return bridge?.ports ?? [];
}

async function must(host: Host, command: Command): Promise<void> {
  const output = await host.run(command);
  if (output.code === 0) return;
  const why = output.stderr.trim().slice(-400) || `exit code ${output.code}`;
  throw new Fault('command.failed', { what: `could not ${command.why}`, where: command.argv.join(' '), why });
}
