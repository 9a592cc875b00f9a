/** The bridge that containers are plugged into, made when it is missing, with the gateways' addresses: as the plugin bridge has it. */
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import { addressBits, type Cidr, cidrsOverlap, formatCidr } from '#model/ip.ts';
import type { Mac } from '#model/mac.ts';
import { dumpAddresses, encodeAddressAdd, encodeContainerAddressAdd } from '#netlink/address.ts';
import { encodeLinkSet } from '#netlink/link.ts';
import { encodeBridgeAdd, getPort, type Port } from '#netlink/veth.ts';
import { applyAll } from './apply-all.ts';
import { type HostSide, trySet } from './host-side.ts';

export interface WantedBridge {
  readonly name: string;
  /** For one that is made; another's stays. */
  readonly mtu: number;
}

export interface Bridge {
  readonly name: string;
  readonly index: number;
  readonly mac: Mac;
}

/** Throws CniError 999 when the name is another kind's. */
export function ensureBridge(host: HostSide, wanted: WantedBridge): Bridge {
  const found = getPort(host.socket, wanted.name) ?? makeBridge(host, wanted);
  if (found.kind !== 'bridge')
    throw new CniError(CNI_CODES.internal, `"${wanted.name}" already exists but is not a bridge`);
  if (!found.up)
    applyAll(host.socket, [(writer) => encodeLinkSet(writer, { name: wanted.name, up: true })], 'raise the bridge');
  return found;
}

function makeBridge(host: HostSide, wanted: WantedBridge): Port {
  applyAll(host.socket, [(writer) => encodeBridgeAdd(writer, wanted)], `could not add "${wanted.name}"`, ['EEXIST']);
  host.within(() => trySet(`net/ipv6/conf/${wanted.name}/accept_ra`, '0'));
  const made = getPort(host.socket, wanted.name);
  if (made === undefined) throw new CniError(CNI_CODES.internal, `could not lookup "${wanted.name}"`);
  return made;
}

/**
 * Gives the bridge its addresses and keeps its MAC: after the first port, when the kernel has given it an identity. Throws
 * CniError 999 when it has an address of another subnet.
 */
export function addGateways({ socket }: HostSide, { name, index, mac }: Bridge, gateways: readonly Cidr[]): void {
  if (gateways.length === 0) return;
  const there = dumpAddresses(socket, index);
  const missing = gateways.filter(
    ({ address, length }) => !there.some((entry) => entry.address === address && entry.length === length),
  );
  for (const gateway of missing) {
    const clash = there.find((entry) => entry.scope === 0 && differs(entry, gateway));
    if (clash === undefined) continue;
    throw new CniError(
      CNI_CODES.internal,
      `failed to set bridge addr: "${name}" already has an IP address different from ${formatCidr(gateway)}`,
      `it has ${formatCidr(clash)}, of another lease; weft cni install repairs it when no container is attached`,
    );
  }
  if (missing.length === 0) return;
  const add = missing.map((gateway) =>
    typeof gateway.address === 'number' ? encodeContainerAddressAdd : encodeAddressAdd,
  );
  applyAll(
    socket,
    [
      ...missing.map(
        (gateway, at) => (writer: Parameters<typeof encodeAddressAdd>[0]) =>
          (add[at] ?? encodeAddressAdd)(writer, index, gateway),
      ),
      // A bridge whose address was never set takes the lowest of its ports', and another whenever ports come and go.
      (writer) => encodeLinkSet(writer, { name, mac }),
    ],
    'failed to set bridge addr',
    ['EEXIST'],
  );
}

/** IPv4 has one network on a bridge; of IPv6 there may be several that have nothing in common. */
function differs(there: Cidr, wanted: Cidr): boolean {
  if (addressBits(there.address) !== addressBits(wanted.address)) return false;
  return typeof wanted.address === 'number' || cidrsOverlap(there, wanted);
}
