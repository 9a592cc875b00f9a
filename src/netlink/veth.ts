/** Cables of containers: veth pairs with an end in another namespace, the bridge they are plugged into, and its ports. */
import type { Mac } from '#model/mac.ts';
import { AF_UNSPEC, NLM_F_CREATE, NLM_F_EXCL, RTM_GETLINK, RTM_NEWLINK } from './message.ts';
import type { AttributeReader, MessageReader } from './reader.ts';
import type { NetlinkSocket } from './socket.ts';
import type { MessageWriter } from './writer.ts';

const HEADER = 16;
const IFF_UP = 1;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_TXQLEN = 13;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const RTEXT_FILTER_SKIP_STATS = 8;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const IFLA_BRPORT_MODE = 4;
const VETH_INFO_PEER = 1;

export interface NewVeth {
  readonly name: string;
  readonly mac: Mac;
  readonly mtu: number;
  /** Index of the bridge that this end is plugged into; undefined: none. */
  readonly masterIndex?: number;
  readonly peer: {
    readonly name: string;
    readonly mac: Mac;
    /** Descriptor of the network namespace that the other end is made in. */
    readonly namespace: number;
  };
}

export interface Port {
  readonly index: number;
  readonly name: string;
  readonly kind: string;
  readonly mac: Mac;
  readonly mtu: number;
  readonly up: boolean;
  /** Index of the bridge, 0 when there is none. */
  readonly masterIndex: number;
  /** Index of a veth's other end, in that one's namespace; 0 for other kinds. */
  readonly peerIndex: number;
}

/** `ip link add … up type veth peer …`, refused when either name exists. The other end is down: its namespace raises it. */
export function encodeVethAdd(writer: MessageWriter, { name, mac, mtu, masterIndex, peer }: NewVeth): void {
  writer.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  encodeHeader(writer, true);
  writer.attributeText(IFLA_IFNAME, name);
  writer.attributeMac(IFLA_ADDRESS, mac);
  writer.attributeU32(IFLA_MTU, mtu);
  writer.attributeU32(IFLA_TXQLEN, 0);
  if (masterIndex !== undefined) writer.attributeU32(IFLA_MASTER, masterIndex);
  const info = writer.beginNested(IFLA_LINKINFO);
  writer.attributeText(IFLA_INFO_KIND, 'veth', false);
  const data = writer.beginNested(IFLA_INFO_DATA);
  const other = writer.beginNested(VETH_INFO_PEER);
  encodeHeader(writer, undefined);
  writer.attributeText(IFLA_IFNAME, peer.name);
  writer.attributeMac(IFLA_ADDRESS, peer.mac);
  writer.attributeU32(IFLA_MTU, mtu);
  writer.attributeU32(IFLA_TXQLEN, 0);
  writer.attributeU32(IFLA_NET_NS_FD, peer.namespace);
  writer.endNested(other);
  writer.endNested(data);
  writer.endNested(info);
  writer.end();
}

/** `ip link add … up type bridge`, refused when the name exists. */
export function encodeBridgeAdd(writer: MessageWriter, bridge: { readonly name: string; readonly mtu: number }): void {
  writer.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  encodeHeader(writer, true);
  writer.attributeText(IFLA_IFNAME, bridge.name);
  writer.attributeU32(IFLA_MTU, bridge.mtu);
  const info = writer.beginNested(IFLA_LINKINFO);
  writer.attributeText(IFLA_INFO_KIND, 'bridge', false);
  writer.endNested(info);
  writer.end();
}

/** `ip link set … type bridge_slave hairpin on|off`. */
export function encodeHairpinSet(
  writer: MessageWriter,
  port: { readonly name: string; readonly hairpin: boolean },
): void {
  writer.begin(RTM_NEWLINK, 0);
  encodeHeader(writer, undefined);
  writer.attributeText(IFLA_IFNAME, port.name);
  const info = writer.beginNested(IFLA_LINKINFO);
  writer.attributeText(IFLA_INFO_SLAVE_KIND, 'bridge', false);
  const data = writer.beginNested(IFLA_INFO_SLAVE_DATA);
  writer.attributeU8(IFLA_BRPORT_MODE, port.hairpin ? 1 : 0);
  writer.endNested(data);
  writer.endNested(info);
  writer.end();
}

/** The link of that name with what it is plugged into, undefined when there is none. */
export function getPort(socket: NetlinkSocket, name: string): Port | undefined {
  const request = (writer: MessageWriter): void => {
    writer.begin(RTM_GETLINK, 0);
    encodeHeader(writer, undefined);
    writer.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    writer.attributeText(IFLA_IFNAME, name);
    writer.end();
  };
  return socket.get(request, decodePort, ['ENODEV']);
}

/** Up when it is to be raised; undefined leaves the flag alone. */
function encodeHeader(writer: MessageWriter, up: true | undefined): void {
  writer.u8(AF_UNSPEC);
  writer.u8(0);
  writer.u16(0);
  writer.u32(0);
  writer.u32(up === undefined ? 0 : IFF_UP);
  writer.u32(up === undefined ? 0 : IFF_UP);
}

/** Reads an RTM_NEWLINK. */
export function decodePort(message: MessageReader): Port | undefined {
  if (message.type !== RTM_NEWLINK) return undefined;
  const port = { name: '', kind: '', mac: '' as Mac, mtu: 0, masterIndex: 0, peerIndex: 0 };
  const attributes = message.attributes(HEADER);
  while (attributes.next()) {
    if (attributes.type === IFLA_IFNAME) port.name = attributes.text();
    else if (attributes.type === IFLA_ADDRESS) port.mac = attributes.mac() ?? '';
    else if (attributes.type === IFLA_MTU) port.mtu = attributes.u32();
    else if (attributes.type === IFLA_LINK) port.peerIndex = attributes.u32();
    else if (attributes.type === IFLA_MASTER) port.masterIndex = attributes.u32();
    else if (attributes.type === IFLA_LINKINFO) port.kind = kindOf(attributes.nested());
  }
  return { index: message.u32(4), up: (message.u32(8) & IFF_UP) !== 0, ...port };
}

function kindOf(attributes: AttributeReader): string {
  while (attributes.next()) if (attributes.type === IFLA_INFO_KIND) return attributes.text();
  return '';
}
