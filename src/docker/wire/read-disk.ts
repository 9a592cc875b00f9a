/** Reads what planning needs from a host's disk. Nothing is changed. */
import { dirname } from 'node:path';
import type { Host } from '#hosts/host.ts';
import { Fault } from '#runtime/fault.ts';
import { leaseFacts } from './lease-facts.ts';
import { readUnit } from './read-unit.ts';
import { environmentFiles, type Unit } from './unit.ts';
import type { DiskFacts, WirePlaces } from './wiring.ts';

/** Names that the agent's unit may have, in the order in which they are tried. */
export const AGENT_UNITS: readonly string[] = ['weftd.service', 'flanneld.service', 'flannel.service'];

export interface UnitNames {
  readonly docker: string;
  /** Undefined: the first of `AGENT_UNITS` that is there. */
  readonly agent: string | undefined;
}

/** Fault `docker.unit` when one of the units is missing. */
export async function readDisk(host: Host, places: WirePlaces, names: UnitNames): Promise<DiskFacts> {
  const [docker, agent, daemonJson, backup, subnetFile] = await Promise.all([
    findUnit(host, places, [names.docker], 'install docker (Debian: docker.io), or name its unit: --docker-unit'),
    findUnit(
      host,
      places,
      names.agent === undefined ? AGENT_UNITS : [names.agent],
      'name the agent’s unit: --agent-unit',
    ),
    host.get(places.daemonJson),
    readBackup(host, places.daemonJson),
    host.get(places.subnetFile),
  ]);
  const environment = new Map<string, string>();
  for (const path of environmentFiles(docker)) {
    const text = await host.get(path);
    if (text !== undefined) environment.set(path, text);
  }
  return { docker, agent, daemonJson, backup, environment, lease: leaseFacts(subnetFile ?? '') };
}

async function findUnit(
  host: Host,
  { unitDirectories }: WirePlaces,
  names: readonly string[],
  remedy: string,
): Promise<Unit> {
  for (const name of names) {
    const unit = await readUnit(host, unitDirectories, name);
    if (unit !== undefined) return unit;
  }
  throw new Fault('docker.unit', {
    what: `there is no unit ${names.join(' or ')}, or it is masked`,
    where: unitDirectories.join(', '),
    remedy,
  });
}

/** The oldest: what was there before anything of ours. */
async function readBackup(host: Host, daemonJson: string): Promise<DiskFacts['backup']> {
  const folder = dirname(daemonJson);
  const listed = await host.run({ argv: ['ls', '-1', folder], why: 'look for a copy of daemon.json' });
  const prefix = `${daemonJson.slice(folder.length + 1)}.weft-backup-`;
  const [name] =
    listed.code === 0
      ? listed.stdout
          .split('\n')
          .filter((line) => line.startsWith(prefix))
          .sort()
      : [];
  const path = `${folder}/${name}`;
  const text = name === undefined ? undefined : await host.get(path);
  return text === undefined ? undefined : { path, text };
}
