/** The cable between a container and the host: plugged in at both ends, the container's end with addresses and routes. */
import { randomBytes } from 'node:crypto';
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import { addressBits, type Cidr, type Ip, maskCidr } from '#model/ip.ts';
import { type Mac, macFromRandom } from '#model/mac.ts';
import { encodeAddressAdd, encodeContainerAddressAdd } from '#netlink/address.ts';
import { encodeLinkSet } from '#netlink/link.ts';
import { LinkRemover } from '#netlink/link-remover.ts';
import type { Refusal } from '#netlink/refusal.ts';
import { encodeRouteAdd, encodeRouteDelete, encodeRoutePrepend } from '#netlink/route.ts';
import type { Encode } from '#netlink/socket.ts';
import { encodeHairpinSet, encodeVethAdd, getPort, type Port } from '#netlink/veth.ts';
import type { MessageWriter } from '#netlink/writer.ts';
import { applyAll } from './apply-all.ts';
import type { ContainerNamespace } from './container-namespace.ts';
import { type HostSide, trySet } from './host-side.ts';

export interface CablePlan {
  /** The host's end. */
  readonly veth: string;
  readonly ifname: string;
  /** Of the container's end; undefined: any. */
  readonly mac: Mac | undefined;
  readonly mtu: number;
  /** Of the bridge; undefined: into none. */
  readonly port: { readonly bridgeIndex: number; readonly hairpin: boolean } | undefined;
}

export interface ContainerNetwork {
  readonly ifname: string;
  readonly addresses: readonly Cidr[];
  readonly routes: readonly { readonly destination: Cidr; readonly gateway: Ip }[];
  /** For each address, when even its neighbours are to be reached by it alone. */
  readonly gateways: readonly Ip[];
}

export function randomVethName(): string {
  return `veth${randomBytes(4).toString('hex')}`;
}

/** Both ends' addresses are chosen here: nobody has to be asked for them, and udev leaves alone what was not made up by the kernel. */
export interface CableMacs {
  readonly outside: Mac;
  readonly inside: Mac;
}

/** Plugs it in. Throws CniError 999, with nothing left, when one of its ends cannot be. */
export function plugIn(host: HostSide, container: ContainerNamespace, plan: CablePlan): CableMacs {
  const { veth: name, ifname, mtu, port } = plan;
  const macs = { outside: macFromRandom(randomBytes(6)), inside: plan.mac ?? macFromRandom(randomBytes(6)) };
  const peer = { name: ifname, mac: macs.inside, namespace: container.fd };
  const { failed } = host.socket.train(
    [
      (writer: MessageWriter) =>
        encodeVethAdd(writer, {
          name,
          mac: macs.outside,
          mtu,
          peer,
          ...(port !== undefined && { masterIndex: port.bridgeIndex }),
        }),
      ...(port === undefined
        ? []
        : [(writer: MessageWriter) => encodeHairpinSet(writer, { name, hairpin: port.hairpin })]),
    ],
    (writer, encode) => encode(writer),
  );
  const refusal = failed[0]?.refusal;
  if (refusal?.code === 'EEXIST' && getPort(container.socket, ifname) !== undefined) {
    throw new CniError(CNI_CODES.internal, `container veth name provided (${ifname}) already exists`);
  }
  if (refusal !== undefined) {
    const details = `the kernel says ${refusal.code}: ${refusal.text}`;
    throw new CniError(
      CNI_CODES.internal,
      `failed to connect "${name}" to the ${port === undefined ? 'host' : 'bridge'}`,
      details,
    );
  }
  host.within(() => trySet(`net/ipv6/conf/${name}/accept_ra`, '0'));
  return macs;
}

/** Gives the container's end its addresses, raises it and adds the routes. Throws CniError 999. */
export function furnish(container: ContainerNamespace, wanted: ContainerNetwork): void {
  const { ifname, addresses, routes, gateways } = wanted;
  const { index } = mustGet(getPort(container.socket, ifname), ifname);
  container.within(() => {
    // Nobody else can have the address, so nobody is asked and it can be used at once; the neighbours are told of it.
    trySet(`net/ipv6/conf/${ifname}/accept_dad`, '0');
    trySet(`net/ipv4/conf/${ifname}/arp_notify`, '1');
    if (addresses.some(({ address }) => typeof address === 'bigint'))
      trySet(`net/ipv6/conf/${ifname}/disable_ipv6`, '0');
  });
  // Only a route can be there already, by another interface: the first one wins.
  const requests = [
    ...addresses.map((entry) => (writer: MessageWriter) => {
      // An address that is looked for among the neighbours is no source of a route yet.
      const isSource = gateways.length > 0 && typeof entry.address === 'bigint';
      (isSource ? encodeAddressAdd : encodeContainerAddressAdd)(writer, index, entry);
    }),
    (writer: MessageWriter) => encodeLinkSet(writer, { name: ifname, up: true }),
    ...gateways.flatMap((gateway, at) => byGatewayAlone(index, addresses[at], gateway)),
    ...routes.map((route) => (writer: MessageWriter) => encodeRoutePrepend(writer, index, route)),
  ];
  applyAll(container.socket, requests, `failed to configure "${ifname}" with its addresses and routes`, ['EEXIST']);
}

/** In place of the kernel's route to the neighbours. */
function byGatewayAlone(index: number, address: Cidr | undefined, gateway: Ip): readonly Encode[] {
  if (address === undefined) return [];
  const { address: source } = address;
  const subnet = maskCidr(address);
  const host: Cidr = { address: gateway, length: addressBits(gateway) };
  return [
    (writer) => encodeRouteDelete(writer, index, { destination: subnet }),
    (writer) => encodeRouteAdd(writer, index, { destination: host, source }),
    (writer) => encodeRouteAdd(writer, index, { destination: subnet, gateway, source }),
  ];
}

/** Takes the cable out by its end on the host. False when there is none; throws CniError 999. */
export async function unplug(host: HostSide, veth: string): Promise<boolean> {
  return veth !== '' && isRemoved(await host.links.remove(veth), veth);
}

/** The same by the container's end: of a cable that another plugin has plugged in, whose other end has a name that we do not know. */
export async function unplugInside({ path, socket }: ContainerNamespace, ifname: string): Promise<boolean> {
  if (getPort(socket, ifname)?.kind !== 'veth') return false;
  return isRemoved(await new LinkRemover(path).remove(ifname), ifname);
}

function isRemoved(refusal: Refusal | undefined, name: string): boolean {
  if (refusal === undefined || refusal.code === 'ENODEV') return refusal === undefined;
  throw new CniError(
    CNI_CODES.internal,
    `failed to delete "${name}"`,
    `the kernel says ${refusal.code}: ${refusal.text}`,
  );
}

function mustGet(port: Port | undefined, name: string): Port {
  if (port !== undefined) return port;
  throw new CniError(CNI_CODES.internal, `failed to lookup "${name}"`, 'somebody has deleted it meanwhile');
}
