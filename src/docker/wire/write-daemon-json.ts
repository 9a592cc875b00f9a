/** Subnet file in, daemon.json out: what the agent's unit runs when docker is wired in the form `daemon-json`. */
import { existsSync, readFileSync } from 'node:fs';
import type { ListRoutes } from '#docker/make-docker-options.ts';
import { writeOptionsFile } from '#docker/options-file.ts';
import { refuseRoutedSubnet } from '#docker/routed-elsewhere.ts';
import { Fault } from '#runtime/fault.ts';
import { withLeaseSettings } from './daemon-json.ts';
import { leaseAsSettings, leaseFacts } from './lease-facts.ts';

/**
 * Whether there was anything to change. Faults `docker.subnet-file`, `docker.subnet-routed`, `docker.daemon-json`,
 * `host.file`; the file is as it was then.
 */
export async function writeDaemonJson(subnetFile: string, path: string, listRoutes: ListRoutes): Promise<boolean> {
  const lease = leaseFacts(existsSync(subnetFile) ? readFileSync(subnetFile, 'utf8') : '');
  if (lease === undefined) {
    throw new Fault('docker.subnet-file', { what: 'it has no IPv4 subnet and MTU for docker', where: subnetFile });
  }
  refuseRoutedSubnet(lease.bip, await listRoutes());
  const before = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  const after = withLeaseSettings(before, leaseAsSettings(lease), path);
  if (after === before) return false;
  writeOptionsFile(path, after);
  return true;
}
