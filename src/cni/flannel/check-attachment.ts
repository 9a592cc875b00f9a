/** CHECK: that the attachment is what ADD made it, by what is kept, by the subnet file, and by the delegate. */
import { existsSync } from 'node:fs';
import { type JsonObject, listMember, objectMember, textMember } from '#cni/protocol/configuration.ts';
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import type { CniRequest } from '#cni/protocol/request.ts';
import { isJsonObject } from '#model/json-document.ts';
import { findAttachment } from './attachment-state.ts';
import type { CallDelegate } from './call-delegate.ts';
import { flannelConfiguration } from './flannel-configuration.ts';
import { parseSaved, type SavedDelegate } from './saved-delegate.ts';
import { loadSubnetEnv } from './subnet-env.ts';

/** Throws CniError for the first thing that is not as it should be. */
export async function checkAttachment(request: CniRequest, call: CallDelegate): Promise<void> {
  const { config, containerId, ifname } = request;
  const prevResult = objectMember(config.members, 'prevresult');
  if (prevResult === undefined) throw new CniError(CNI_CODES.invalidConfiguration, 'Required prevResult missing');
  const { dataDir, subnetFile } = flannelConfiguration(config);
  const kept = findAttachment(dataDir, request, config.name);
  if (kept === undefined) {
    throw wrong(
      `there is no state of interface ${ifname} of container ${containerId} in ${dataDir}`,
      'it was never added, or is deleted',
    );
  }
  const saved = parseSaved(kept.text);
  if (saved === undefined)
    throw wrong(`the state of container ${containerId} in ${dataDir} is no delegate configuration`);
  requireNamespace(request.netns);
  requireCurrentSubnet(saved, subnetFile);
  const text = JSON.stringify({ ...saved.members, cniVersion: request.version, prevResult: withGateways(prevResult) });
  try {
    await call('CHECK', request, { type: saved.type, text });
  } catch (error) {
    // A delegate from before CHECK: what was looked at here is all there is.
    if (!(error instanceof CniError && error.message.includes('unknown CNI_COMMAND'))) throw error;
  }
}

/**
 * A route without a gateway is written by way of the address's own one. The plugins' CHECK (1.1.1 of Debian) looks for a
 * route without any in the kernel, and would call every container of flannel broken.
 */
function withGateways(prevResult: JsonObject): JsonObject {
  const gateways = objects(prevResult, 'ips').flatMap((ip) => textMember(ip, 'gateway') ?? []);
  const routes = objects(prevResult, 'routes').map((route): JsonObject => {
    const v6 = textMember(route, 'dst')?.includes(':');
    const gw = textMember(route, 'gw') ?? gateways.find((gateway) => gateway.includes(':') === v6);
    return gw === undefined ? route : { ...route, gw };
  });
  return routes.length === 0 ? prevResult : { ...prevResult, routes };
}

function objects(members: JsonObject, name: string): readonly JsonObject[] {
  return (listMember(members, name) ?? []).filter(isJsonObject);
}

/** Throws CniError 4 for a namespace that has vanished, before anything is written for it. */
export function requireNamespace(netns: string): void {
  if (!netns.startsWith('/') || existsSync(netns)) return;
  const details = 'the container has ended meanwhile';
  throw new CniError(CNI_CODES.invalidEnvironment, `CNI_NETNS: there is no network namespace ${netns}`, details);
}

/** With another subnet the host is reached by other routes, and what still has the former address is not. */
function requireCurrentSubnet(saved: SavedDelegate, subnetFile: string): void {
  const { subnet, ipv6Subnet } = loadSubnetEnv(subnetFile);
  const current = [subnet, ipv6Subnet].filter((each) => each !== undefined);
  const gone = saved.subnets.filter((each) => !current.includes(each));
  if (gone.length === 0) return;
  const details = 'other hosts do not reach the container; start it anew';
  throw wrong(
    `the container has an address of ${gone.join(' and ')}, but the subnet of this host is ${current.join(' and ')} now`,
    details,
  );
}

function wrong(message: string, details?: string): CniError {
  return new CniError(CNI_CODES.checkFailed, message, details);
}
