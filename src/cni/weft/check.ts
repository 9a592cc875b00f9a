/** CHECK and STATUS: whether a container still has what it was given, and whether the next one would get it. */

import { objectMember } from '#cni/protocol/configuration.ts';
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import type { CniRequest } from '#cni/protocol/request.ts';
import { type CniResult, parseResult, readResult } from '#cni/protocol/result.ts';
import {
  addressBits,
  type Cidr,
  type Family,
  familyOf,
  formatCidr,
  formatIp,
  parseCidr,
  parseIp,
  sameCidr,
} from '#model/ip.ts';
import { dumpAddresses } from '#netlink/address.ts';
import { dumpRoutes } from '#netlink/route.ts';
import { getPort, type Port } from '#netlink/veth.ts';
import { exhausted } from './address-folder.ts';
import type { AttachmentPlan } from './attachment-config.ts';
import { checkRules } from './container-firewall.ts';
import { ContainerNamespace } from './container-namespace.ts';
import type { HostSide } from './host-side.ts';
import type { Network } from './network.ts';

/** Throws CniError 101 with the first thing that is not as the result says, 3 when the container is gone. */
export async function check(network: Network, request: CniRequest, plan: AttachmentPlan): Promise<void> {
  const { containerId, ifname, netns } = request;
  const result = attachedResult(network, request);
  const container = ContainerNamespace.open(netns);
  if (container === undefined)
    throw new CniError(CNI_CODES.unknownContainer, `CNI_NETNS: there is no network namespace at ${netns}`);
  try {
    const inside = getPort(container.socket, ifname);
    if (inside === undefined) throw wrong(`container ${containerId} has no interface ${ifname}`);
    if (inside.kind !== 'veth') throw wrong(`interface ${ifname} is no veth`);
    if (!inside.up) throw wrong(`interface ${ifname} is down`);
    const expected = result.interfaces.find(({ name, sandbox = '' }) => name === ifname && sandbox !== '');
    if (expected?.mac !== undefined && expected.mac !== inside.mac)
      throw wrong(`interface ${ifname} has the MAC ${inside.mac}, not ${expected.mac}`);
    checkHost(network, result, plan, inside.peerIndex);
    checkAddresses(network, request, result, container, inside.index);
    checkRoutes(result, container, inside.index);
  } finally {
    container.close();
  }
  const addresses = result.ips.flatMap(({ address }) => parseCidr(address) ?? []);
  await checkRules(network, { containerId, ifname, plan, addresses });
}

/** Throws CniError 50 when a range has no address left. */
export function checkRoom({ addresses }: Network, { rangeSets }: AttachmentPlan): void {
  const full = rangeSets.find((set) => addresses.free(set) <= 0n);
  if (full === undefined) return;
  const { message, details } = exhausted(full);
  throw new CniError(CNI_CODES.notAvailable, message, details);
}

/** What the runtime has kept, which is what it believes; else what we have. */
function attachedResult({ records }: Network, { containerId, ifname, version, config }: CniRequest): CniResult {
  const given = objectMember(config.members, 'prevresult');
  if (given !== undefined) return readResult(given, version);
  const kept = records.find({ containerId, ifname })?.result ?? '';
  if (kept === '') throw wrong(`container ${containerId} is not attached by its interface ${ifname}`);
  return parseResult(kept, version);
}

function checkHost({ host }: Network, { interfaces, ips }: CniResult, plan: AttachmentPlan, peerIndex: number): void {
  const ends = interfaces.flatMap(({ name, sandbox = '' }) =>
    sandbox === '' ? (getPort(host.socket, name) ?? []) : [],
  );
  const bridge = plan.mode === 'bridge' ? liveBridge(host, plan.bridge) : undefined;
  const end = ends.find(({ index }) => index === peerIndex);
  if (end === undefined) throw wrong('the cable of the container does not end at this host');
  if (bridge !== undefined && end.masterIndex !== bridge.index)
    throw wrong(`${end.name} is not plugged into ${bridge.name}`);
  if (!end.up) throw wrong(`${end.name} is down`);
  if (plan.mode === 'ptp') checkDirectLink(host, end, ips);
}

function liveBridge(host: HostSide, name: string): Port {
  const found = getPort(host.socket, name);
  if (found?.kind !== 'bridge') throw wrong(`there is no bridge ${name}`);
  if (!found.up) throw wrong(`bridge ${name} is down`);
  return found;
}

/** The gateway's address on the host's end, and the route to the container. */
function checkDirectLink({ socket }: HostSide, { index, name }: Port, ips: CniResult['ips']): void {
  const addresses = dumpAddresses(socket, index);
  for (const { address: text, gateway = '' } of ips) {
    const address = parseCidr(text)?.address;
    if (address === undefined) continue;
    const expected = parseIp(gateway);
    if (expected !== undefined && !addresses.some((entry) => entry.address === expected))
      throw wrong(`${name} has no address ${gateway}`);
    const routes = dumpRoutes(socket, { family: familyOf(address), linkIndex: index });
    if (!routes.some((route) => sameCidr(route.destination, { address, length: addressBits(address) })))
      throw wrong(`the host has no route to ${formatIp(address)} by ${name}`);
  }
}

function checkAddresses(
  { addresses }: Network,
  owner: CniRequest,
  { ips }: CniResult,
  container: ContainerNamespace,
  index: number,
): void {
  const there = dumpAddresses(container.socket, index);
  const owned = addresses
    .list()
    .filter((entry) => entry.owner?.containerId === owner.containerId && entry.owner.ifname === owner.ifname);
  for (const { address: text } of ips) {
    const address = parseCidr(text);
    if (address === undefined) continue;
    if (!there.some((entry) => sameCidr(entry, address)))
      throw wrong(`interface ${owner.ifname} has no address ${text}`);
    if (!owned.some((entry) => entry.address === address.address))
      throw wrong(`address ${text} is not reserved for container ${owner.containerId}`);
  }
}

function checkRoutes({ routes, ips }: CniResult, container: ContainerNamespace, index: number): void {
  const familyOfText = (text: string): Family => (text.includes(':') ? 'ipv6' : 'ipv4');
  const families = new Set(ips.map(({ address }) => familyOfText(address)));
  const there = [...families].flatMap((family) => dumpRoutes(container.socket, { family, linkIndex: index }));
  const wanted: readonly { readonly destination: Cidr; readonly gw: string | undefined }[] = routes.flatMap(
    ({ dst, gw }) => {
      const destination = parseCidr(dst);
      return destination === undefined || !families.has(familyOfText(dst)) ? [] : { destination, gw };
    },
  );
  for (const { destination, gw } of wanted) {
    const gateway = gw === undefined ? undefined : parseIp(gw);
    const found = there.some(
      (route) => sameCidr(route.destination, destination) && (gateway === undefined || route.gateway === gateway),
    );
    if (!found) throw wrong(`the route to ${formatCidr(destination)} is missing`);
  }
}

function wrong(message: string): CniError {
  return new CniError(CNI_CODES.checkFailed, message);
}
