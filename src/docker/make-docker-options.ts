/** Subnet file in, docker's file out: what `weft docker-opts` and `mk-docker-opts.sh` do. */
import { readFileSync, statSync } from 'node:fs';
import type { Route } from '#netlink/route.ts';
import { Fault } from '#runtime/fault.ts';
import { type DockerOptionsForm, dockerOptions, type Environment, subnetVariables } from './docker-options.ts';
import { writeOptionsFile } from './options-file.ts';
import { refuseRoutedSubnet } from './routed-elsewhere.ts';

export interface DockerOptionsRequest extends DockerOptionsForm {
  readonly subnetFile: string;
  readonly optionsFile: string;
}

/** flannel's defaults (spec §4.2). */
export const DEFAULT_REQUEST: DockerOptionsRequest = {
  subnetFile: '/run/flannel/subnet.env',
  optionsFile: '/run/docker_opts.env',
  individual: false,
  combined: false,
  key: 'DOCKER_OPTS',
  masquerade: true,
};

/** Lists the IPv4 routes of this host's main table. */
export type ListRoutes = () => Promise<readonly Route[]>;

/** The kernel's own list; the native part is loaded only here. */
export const listHostRoutes: ListRoutes = async () => {
  const { NetlinkSocket } = await import('#netlink/socket.ts');
  const { dumpRoutes } = await import('#netlink/route.ts');
  const socket = new NetlinkSocket();
  try {
    return dumpRoutes(socket);
  } finally {
    socket.close();
  }
};

/** Writes docker's file. Nothing is written when it throws, a Fault as always. */
export async function makeDockerOptions(
  request: DockerOptionsRequest,
  environment: Environment,
  listRoutes: ListRoutes,
): Promise<void> {
  const subnetFile = readSubnetFile(request.subnetFile);
  const text = dockerOptions(subnetFile, environment, request);
  const subnet = subnetVariables(subnetFile, environment).get('FLANNEL_SUBNET') ?? '';
  if (subnet !== '') refuseRoutedSubnet(subnet, await listRoutes());
  writeOptionsFile(request.optionsFile, text);
}

/** A file that is not there counts as empty: then only what the environment says is written. */
function readSubnetFile(path: string): string {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(path, 'utf8') : '';
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('docker.subnet-file', { what: 'the subnet file cannot be read', where: path, why, cause });
  }
}
