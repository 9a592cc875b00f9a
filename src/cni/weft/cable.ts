/** The cable between a container and the bridge: plugged in at both ends, the container's end with addresses and routes. */
import { randomBytes } from 'node:crypto';
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import type { Cidr, Ip } from '#model/ip.ts';
import { encodeContainerAddressAdd } from '#netlink/address.ts';
import { encodeLinkSet } from '#netlink/link.ts';
import { LinkRemover } from '#netlink/link-remover.ts';
import type { Refusal } from '#netlink/refusal.ts';
import { encodeRoutePrepend } from '#netlink/route.ts';
import { encodeHairpinSet, encodeVethAdd, getPort, type Port } from '#netlink/veth.ts';
import type { MessageWriter } from '#netlink/writer.ts';
import { applyAll } from './apply-all.ts';
import type { ContainerNamespace } from './container-namespace.ts';
import { type HostSide, trySet } from './host-side.ts';

export interface CablePlan {
  /** The host's end. */
  readonly veth: string;
  readonly ifname: string;
  readonly mtu: number;
  readonly hairpin: boolean;
  readonly bridgeIndex: number;
}

export interface ContainerNetwork {
  readonly ifname: string;
  readonly addresses: readonly Cidr[];
  readonly routes: readonly { readonly destination: Cidr; readonly gateway: Ip }[];
}

export function randomVethName(): string {
  return `veth${randomBytes(4).toString('hex')}`;
}

/** Plugs it in and returns the host's end. Throws CniError 999, with nothing left, when one of its ends cannot be. */
export function plugIn(host: HostSide, container: ContainerNamespace, plan: CablePlan): Port {
  const { veth: name, ifname, mtu, hairpin, bridgeIndex: masterIndex } = plan;
  if (getPort(container.socket, ifname) !== undefined) {
    throw new CniError(CNI_CODES.internal, `container veth name provided (${ifname}) already exists`);
  }
  const peer = { name: ifname, namespace: container.fd };
  applyAll(
    host.socket,
    [
      (writer) => encodeVethAdd(writer, { name, mtu, masterIndex, peer }),
      (writer) => encodeHairpinSet(writer, { name, hairpin }),
    ],
    `failed to connect "${name}" to the bridge`,
  );
  host.within(() => trySet(`net/ipv6/conf/${name}/accept_ra`, '0'));
  return mustGet(getPort(host.socket, name), name);
}

/** Gives the container's end its addresses, raises it, adds the routes, and returns it. */
export function furnish(container: ContainerNamespace, { ifname, addresses, routes }: ContainerNetwork): Port {
  const inside = mustGet(getPort(container.socket, ifname), ifname);
  const { index } = inside;
  container.within(() => {
    // Nobody else can have the address, so nobody is asked and it can be used at once; the neighbours are told of it.
    trySet(`net/ipv6/conf/${ifname}/accept_dad`, '0');
    trySet(`net/ipv4/conf/${ifname}/arp_notify`, '1');
    if (addresses.some(({ address }) => typeof address === 'bigint'))
      trySet(`net/ipv6/conf/${ifname}/disable_ipv6`, '0');
  });
  // Only a route can be there already, by another interface: the first one wins.
  const requests = [
    ...addresses.map((entry) => (writer: MessageWriter) => encodeContainerAddressAdd(writer, index, entry)),
    (writer: MessageWriter) => encodeLinkSet(writer, { name: ifname, up: true }),
    ...routes.map((route) => (writer: MessageWriter) => encodeRoutePrepend(writer, index, route)),
  ];
  applyAll(container.socket, requests, `failed to configure "${ifname}" with its addresses and routes`, ['EEXIST']);
  return inside;
}

/** Takes the cable out, from whichever end can be seen; nothing happens when there is none. */
export async function unplug(
  host: HostSide,
  container: ContainerNamespace | undefined,
  cable: Pick<CablePlan, 'veth' | 'ifname'>,
): Promise<void> {
  const outside = cable.veth === '' ? undefined : getPort(host.socket, cable.veth);
  const refusal =
    outside === undefined ? await removeInside(container, cable.ifname) : await host.links.remove(outside.index);
  if (refusal === undefined || refusal.code === 'ENODEV') return;
  throw new CniError(
    CNI_CODES.internal,
    `failed to delete "${cable.ifname}"`,
    `the kernel says ${refusal.code}: ${refusal.text}`,
  );
}

/** Of a cable that another plugin has plugged in, whose other end has a name that we do not know. */
async function removeInside(container: ContainerNamespace | undefined, ifname: string): Promise<Refusal | undefined> {
  const inside = container === undefined ? undefined : getPort(container.socket, ifname);
  if (inside?.kind !== 'veth') return undefined;
  return new LinkRemover(container?.path).remove(inside.index);
}

function mustGet(port: Port | undefined, name: string): Port {
  if (port !== undefined) return port;
  throw new CniError(CNI_CODES.internal, `failed to lookup "${name}"`, 'somebody has deleted it meanwhile');
}
