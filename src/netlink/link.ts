/** Links: struct ifinfomsg and its attributes (linux/if_link.h). Lists, creates VXLAN and IPIP devices and plain ones, sets, deletes. */
import type { Ip } from '#model/ip.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import type { Mac } from '#model/mac.ts';
import { AF_UNSPEC, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK } from './message.ts';
import type { AttributeReader, MessageReader } from './reader.ts';
import type { NetlinkSocket } from './socket.ts';
import type { MessageWriter } from './writer.ts';

const HEADER = 16;
const IFF_UP = 1;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_TXQLEN = 13;
const IFLA_LINKINFO = 18;
const IFLA_EXT_MASK = 29;
const RTEXT_FILTER_SKIP_STATS = 8;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_VXLAN_ID = 1;
const IFLA_VXLAN_LINK = 3;
const IFLA_VXLAN_LOCAL = 4;
const IFLA_VXLAN_LEARNING = 7;
const IFLA_VXLAN_PORT = 15;
const IFLA_VXLAN_LOCAL6 = 17;
const IFLA_VXLAN_GBP = 23;
const IFLA_IPTUN_LOCAL = 2;
const IFLA_IPTUN_REMOTE = 3;
const IFLA_IPTUN_TTL = 4;
const IFLA_IPTUN_PMTUDISC = 10;

export interface LinkVxlan {
  readonly vni: number;
  /** Outer source address; undefined when it has none. */
  readonly local: Ip | undefined;
  /** Index of the link that carries the outer packets, 0 when none is bound. */
  readonly underlayIndex: number;
  readonly port: number;
  readonly learning: boolean;
  readonly gbp: boolean;
}

/** Addresses of an IPIP tunnel; 0.0.0.0 is any. */
export interface LinkIpip {
  readonly local: Ipv4;
  readonly remote: Ipv4;
}

export interface Link {
  readonly index: number;
  readonly name: string;
  /** `vxlan`, `ipip`, `wireguard`, `tun`, `veth`, `bridge`, …; empty for hardware and the loopback. */
  readonly kind: string;
  readonly mtu: number;
  /** Empty when the link has no Ethernet address. */
  readonly mac: Mac;
  readonly up: boolean;
  /** Present for kind vxlan. */
  readonly vxlan?: LinkVxlan;
  /** Present for kind ipip. */
  readonly ipip?: LinkIpip;
}

/** What a VXLAN device is created with; port 0 leaves it to the kernel's default (8472). */
export interface NewVxlan {
  readonly name: string;
  readonly vni: number;
  readonly mtu: number;
  readonly mac: Mac;
  /** Its family is the one of the outer packets. */
  readonly local: Ip;
  readonly port: number;
  readonly learning: boolean;
  readonly gbp: boolean;
}

/** What an IPIP device with any remote end is created with. */
export interface NewIpip {
  readonly name: string;
  readonly mtu: number;
  readonly local: Ipv4;
}

/** All links. */
export function dumpLinks(socket: NetlinkSocket): Link[] {
  return socket.dump((writer) => {
    writer.begin(RTM_GETLINK, NLM_F_DUMP);
    encodeHeader(writer, 0, 0);
    writer.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    writer.end();
  }, decodeLink);
}

/** The link of that name, undefined when there is none. */
export function getLink(socket: NetlinkSocket, name: string): Link | undefined {
  const request = (writer: MessageWriter): void => {
    writer.begin(RTM_GETLINK, 0);
    encodeHeader(writer, 0, 0);
    writer.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    writer.attributeText(IFLA_IFNAME, name);
    writer.end();
  };
  return socket.get(request, decodeLink, ['ENODEV']);
}

/** `ip link add … txqueuelen 0 type vxlan …`, refused when the name exists. */
export function encodeVxlanAdd(writer: MessageWriter, underlayIndex: number, device: NewVxlan): void {
  writer.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  encodeHeader(writer, 0, 0);
  writer.attributeMac(IFLA_ADDRESS, device.mac);
  writer.attributeU32(IFLA_MTU, device.mtu);
  writer.attributeU32(IFLA_TXQLEN, 0);
  writer.attributeText(IFLA_IFNAME, device.name);
  const info = writer.beginNested(IFLA_LINKINFO);
  writer.attributeText(IFLA_INFO_KIND, 'vxlan', false);
  const data = writer.beginNested(IFLA_INFO_DATA);
  writer.attributeU32(IFLA_VXLAN_LINK, underlayIndex);
  writer.attributeU32(IFLA_VXLAN_ID, device.vni);
  writer.attributeIp(typeof device.local === 'number' ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, device.local);
  writer.attributeU8(IFLA_VXLAN_LEARNING, device.learning ? 1 : 0);
  if (device.port !== 0) writer.attributePort(IFLA_VXLAN_PORT, device.port);
  if (device.gbp) writer.attributeFlag(IFLA_VXLAN_GBP);
  writer.endNested(data);
  writer.endNested(info);
  writer.end();
}

/** `ip link add … type ipip remote any local … ttl inherit nopmtudisc`, refused when the name exists. */
export function encodeIpipAdd(writer: MessageWriter, device: NewIpip): void {
  writer.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  encodeHeader(writer, 0, 0);
  writer.attributeU32(IFLA_MTU, device.mtu);
  writer.attributeText(IFLA_IFNAME, device.name);
  const info = writer.beginNested(IFLA_LINKINFO);
  writer.attributeText(IFLA_INFO_KIND, 'ipip', false);
  const data = writer.beginNested(IFLA_INFO_DATA);
  writer.attributeIpv4(IFLA_IPTUN_LOCAL, device.local);
  writer.attributeU8(IFLA_IPTUN_TTL, 0);
  writer.attributeU8(IFLA_IPTUN_PMTUDISC, 0);
  writer.endNested(data);
  writer.endNested(info);
  writer.end();
}

/** `ip link add NAME type KIND`, for kinds that need no parameters (wireguard), refused when the name exists. */
export function encodeLinkAdd(writer: MessageWriter, device: { readonly name: string; readonly kind: string }): void {
  writer.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  encodeHeader(writer, 0, 0);
  writer.attributeText(IFLA_IFNAME, device.name);
  const info = writer.beginNested(IFLA_LINKINFO);
  writer.attributeText(IFLA_INFO_KIND, device.kind, false);
  writer.endNested(info);
  writer.end();
}

/** `ip link delete`. */
export function encodeLinkDelete(writer: MessageWriter, name: string): void {
  writer.begin(RTM_DELLINK, 0);
  encodeHeader(writer, 0, 0);
  writer.attributeText(IFLA_IFNAME, name);
  writer.end();
}

/** `ip link set`: what is given is changed, the rest stays. */
export function encodeLinkSet(
  writer: MessageWriter,
  link: { readonly name: string; readonly mac?: Mac; readonly mtu?: number; readonly up?: boolean },
): void {
  writer.begin(RTM_NEWLINK, 0);
  encodeHeader(writer, link.up === true ? IFF_UP : 0, link.up === undefined ? 0 : IFF_UP);
  if (link.mac !== undefined) writer.attributeMac(IFLA_ADDRESS, link.mac);
  if (link.mtu !== undefined) writer.attributeU32(IFLA_MTU, link.mtu);
  writer.attributeText(IFLA_IFNAME, link.name);
  writer.end();
}

/** Links are addressed by name, so the index stays 0. */
function encodeHeader(writer: MessageWriter, flags: number, change: number): void {
  writer.u8(AF_UNSPEC);
  writer.u8(0);
  writer.u16(0);
  writer.u32(0);
  writer.u32(flags);
  writer.u32(change);
}

/** Reads an RTM_NEWLINK. */
export function decodeLink(message: MessageReader): Link | undefined {
  if (message.type !== RTM_NEWLINK) return undefined;
  let name = '';
  let mtu = 0;
  let mac: Mac = '';
  let info: LinkInfo = { kind: '' };
  const attributes = message.attributes(HEADER);
  while (attributes.next()) {
    if (attributes.type === IFLA_IFNAME) name = attributes.text();
    else if (attributes.type === IFLA_MTU) mtu = attributes.u32();
    else if (attributes.type === IFLA_ADDRESS) mac = attributes.mac() ?? '';
    else if (attributes.type === IFLA_LINKINFO) info = decodeInfo(attributes.nested());
  }
  return { index: message.u32(4), name, mtu, mac, up: (message.u32(8) & IFF_UP) !== 0, ...info };
}

type LinkInfo = Pick<Link, 'kind' | 'vxlan' | 'ipip'>;

function decodeInfo(attributes: AttributeReader): LinkInfo {
  let kind = '';
  let data: AttributeReader | undefined;
  while (attributes.next()) {
    if (attributes.type === IFLA_INFO_KIND) kind = attributes.text();
    else if (attributes.type === IFLA_INFO_DATA) data = attributes.nested();
  }
  if (kind === 'vxlan' && data !== undefined) return { kind, vxlan: decodeVxlan(data) };
  return kind === 'ipip' && data !== undefined ? { kind, ipip: decodeIpip(data) } : { kind };
}

function decodeVxlan(attributes: AttributeReader): LinkVxlan {
  const vxlan = {
    vni: 0,
    local: undefined as Ip | undefined,
    underlayIndex: 0,
    port: 0,
    learning: false,
    gbp: false,
  };
  while (attributes.next()) {
    if (attributes.type === IFLA_VXLAN_ID) vxlan.vni = attributes.u32();
    else if (attributes.type === IFLA_VXLAN_LINK) vxlan.underlayIndex = attributes.u32();
    else if (attributes.type === IFLA_VXLAN_LOCAL || attributes.type === IFLA_VXLAN_LOCAL6)
      vxlan.local = attributes.ip();
    else if (attributes.type === IFLA_VXLAN_LEARNING) vxlan.learning = attributes.u8() !== 0;
    else if (attributes.type === IFLA_VXLAN_PORT) vxlan.port = attributes.port();
    else if (attributes.type === IFLA_VXLAN_GBP) vxlan.gbp = true;
  }
  return vxlan;
}

function decodeIpip(attributes: AttributeReader): LinkIpip {
  const ipip = { local: 0, remote: 0 };
  while (attributes.next()) {
    if (attributes.type === IFLA_IPTUN_LOCAL) ipip.local = attributes.ipv4() ?? 0;
    else if (attributes.type === IFLA_IPTUN_REMOTE) ipip.remote = attributes.ipv4() ?? 0;
  }
  return ipip;
}
