/** Nexthop objects: struct nhmsg and its attributes (linux/nexthop.h), since Linux 5.3. Lists, replaces, deletes. */
import type { Ip } from '#model/ip.ts';
import {
  AF_UNSPEC,
  afOfIp,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  RT_SCOPE_UNIVERSE,
  RTM_DELNEXTHOP,
  RTM_GETNEXTHOP,
  RTM_NEWNEXTHOP,
  RTNH_F_ONLINK,
  RTPROT_BOOT,
} from './message.ts';
import type { MessageReader } from './reader.ts';
import type { NetlinkSocket } from './socket.ts';
import type { MessageWriter } from './writer.ts';

const HEADER = 8;
const NHA_ID = 1;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;

export interface Nexthop {
  readonly id: number;
  /** 0 for a group or a blackhole. */
  readonly linkIndex: number;
  /** Undefined when it has none. */
  readonly gateway: Ip | undefined;
  readonly onlink: boolean;
  /** Who made it: 3 boot, … */
  readonly protocol: number;
}

/** The nexthop objects, of one device when `linkIndex` is given; none on a kernel that does not know them. */
export function dumpNexthops(socket: NetlinkSocket, linkIndex?: number): Nexthop[] {
  const request = (writer: MessageWriter): void => {
    writer.begin(RTM_GETNEXTHOP, NLM_F_DUMP);
    encodeHeader(writer, AF_UNSPEC, 0, 0);
    if (linkIndex !== undefined) writer.attributeU32(NHA_OIF, linkIndex);
    writer.end();
  };
  return socket.dump(request, decodeNexthop, ['ENOTSUP']);
}

/** `ip nexthop replace id … via … dev … onlink proto boot`. */
export function encodeNexthopReplace(
  writer: MessageWriter,
  linkIndex: number,
  nexthop: { readonly id: number; readonly gateway: Ip },
): void {
  writer.begin(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE);
  encodeHeader(writer, afOfIp(nexthop.gateway), RTPROT_BOOT, RTNH_F_ONLINK);
  writer.attributeU32(NHA_ID, nexthop.id);
  writer.attributeIp(NHA_GATEWAY, nexthop.gateway);
  writer.attributeU32(NHA_OIF, linkIndex);
  writer.end();
}

/** `ip nexthop delete id …`: its routes go with it. */
export function encodeNexthopDelete(writer: MessageWriter, id: number): void {
  writer.begin(RTM_DELNEXTHOP, 0);
  encodeHeader(writer, AF_UNSPEC, 0, 0);
  writer.attributeU32(NHA_ID, id);
  writer.end();
}

function encodeHeader(writer: MessageWriter, family: number, protocol: number, flags: number): void {
  writer.u8(family);
  writer.u8(RT_SCOPE_UNIVERSE);
  writer.u8(protocol);
  writer.u8(0);
  writer.u32(flags);
}

/** Reads an RTM_NEWNEXTHOP. */
export function decodeNexthop(message: MessageReader): Nexthop | undefined {
  if (message.type !== RTM_NEWNEXTHOP) return undefined;
  let id = 0;
  let linkIndex = 0;
  let gateway: Ip | undefined;
  const attributes = message.attributes(HEADER);
  while (attributes.next()) {
    if (attributes.type === NHA_ID) id = attributes.u32();
    else if (attributes.type === NHA_OIF) linkIndex = attributes.u32();
    else if (attributes.type === NHA_GATEWAY) gateway = attributes.ip();
  }
  const onlink = (message.u32(4) & RTNH_F_ONLINK) !== 0;
  return { id, linkIndex, gateway, onlink, protocol: message.u8(2) };
}
