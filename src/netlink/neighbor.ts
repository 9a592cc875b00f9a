/** Neighbours (ARP and NDP): struct ndmsg and its attributes (linux/neighbour.h). Lists, replaces, deletes. */
import type { Family, Ip } from '#model/ip.ts';
import type { Mac } from '#model/mac.ts';
import {
  AF_INET,
  AF_INET6,
  afOf,
  afOfIp,
  NDA_DST,
  NDA_IFINDEX,
  NDA_LLADDR,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  NUD_PERMANENT,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from './message.ts';
import type { MessageReader } from './reader.ts';
import type { NetlinkSocket } from './socket.ts';
import type { MessageWriter } from './writer.ts';

const HEADER = 12;

export interface Neighbor {
  readonly linkIndex: number;
  readonly address: Ip;
  /** Undefined while the kernel has not resolved it. */
  readonly mac: Mac | undefined;
  readonly permanent: boolean;
}

/** The neighbours of one family on a device, permanent and learned. */
export function dumpNeighbors(socket: NetlinkSocket, linkIndex: number, family: Family = 'ipv4'): Neighbor[] {
  const request = (writer: MessageWriter): void => {
    writer.begin(RTM_GETNEIGH, NLM_F_DUMP);
    // Under strict checking the header's index must be 0: the filter is an attribute.
    encodeHeader(writer, afOf(family), 0, 0);
    writer.attributeU32(NDA_IFINDEX, linkIndex);
    writer.end();
  };
  return socket.dump(request, (message) => (message.u32(4) === linkIndex ? decodeNeighbor(message) : undefined));
}

/** `ip neigh replace … lladdr … dev … nud permanent`. */
export function encodeNeighborReplace(
  writer: MessageWriter,
  linkIndex: number,
  entry: { readonly address: Ip; readonly mac: Mac },
): void {
  writer.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  encodeHeader(writer, afOfIp(entry.address), linkIndex, NUD_PERMANENT);
  writer.attributeIp(NDA_DST, entry.address);
  writer.attributeMac(NDA_LLADDR, entry.mac);
  writer.end();
}

/** `ip neigh delete … dev …`. */
export function encodeNeighborDelete(writer: MessageWriter, linkIndex: number, entry: { readonly address: Ip }): void {
  writer.begin(RTM_DELNEIGH, 0);
  encodeHeader(writer, afOfIp(entry.address), linkIndex, NUD_PERMANENT);
  writer.attributeIp(NDA_DST, entry.address);
  writer.end();
}

function encodeHeader(writer: MessageWriter, family: number, linkIndex: number, state: number): void {
  writer.u8(family);
  writer.u8(0);
  writer.u16(0);
  writer.u32(linkIndex);
  writer.u16(state);
  writer.u16(0);
}

/** Reads an RTM_NEWNEIGH; undefined when it is of another family. */
export function decodeNeighbor(message: MessageReader): Neighbor | undefined {
  if (message.type !== RTM_NEWNEIGH || (message.u8(0) !== AF_INET && message.u8(0) !== AF_INET6)) return undefined;
  let address: Ip | undefined;
  let mac: Mac | undefined;
  const attributes = message.attributes(HEADER);
  while (attributes.next()) {
    if (attributes.type === NDA_DST) address = attributes.ip();
    else if (attributes.type === NDA_LLADDR) mac = attributes.mac();
  }
  if (address === undefined) return undefined;
  return { linkIndex: message.u32(4), address, mac, permanent: (message.u16(8) & NUD_PERMANENT) !== 0 };
}
