/** Everything that `weft docker status` goes by, read from a host. Nothing is changed. */
import { dockerOptions } from '#docker/docker-options.ts';
import { parseEnvironmentFile } from '#docker/environment-file.ts';
import type { Host } from '#hosts/host.ts';
import { variableOfAgent } from './drop-ins.ts';
import { readDisk, type UnitNames } from './read-disk.ts';
import { readRunning } from './read-running.ts';
import { type WireStatus, wireStatus } from './wire-status.ts';
import type { WirePlaces } from './wiring.ts';

/** `ownDaemon`: DOCKER_HOST names a daemon that is no unit, as in a lab. Faults as `readDisk`, and `docker.subnet-file` and `docker.masquerade` for a subnet file that says nothing usable. */
export async function readStatus(
  host: Host,
  places: WirePlaces,
  names: UnitNames,
  ownDaemon: boolean,
): Promise<WireStatus> {
  const disk = await readDisk(host, places, names);
  const told = variableOfAgent(disk.agent) ?? { file: places.optionsFile, key: 'DOCKER_NETWORK_OPTIONS' };
  const [running, optionsFile, subnetFile] = await Promise.all([
    readRunning(host, ownDaemon ? undefined : disk.docker.name, disk.agent.name),
    host.get(told.file),
    host.get(places.subnetFile),
  ]);
  const form = { individual: false, combined: true, key: told.key, masquerade: true };
  const wanted = disk.lease === undefined ? undefined : dockerOptions(subnetFile ?? '', {}, form);
  // Other variables of the file are not ours to judge.
  const valueIn = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : parseEnvironmentFile(text).get(told.key)?.trim();
  return wireStatus({ disk, running, options: valueIn(optionsFile), wantedOptions: valueIn(wanted) }, places);
}
