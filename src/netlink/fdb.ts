/** The FDB of a VXLAN device: neighbour messages of family AF_BRIDGE (linux/neighbour.h). Lists, replaces, deletes. */
import type { Ip } from '#model/ip.ts';
import type { Mac } from '#model/mac.ts';
import {
  AF_BRIDGE,
  NDA_DST,
  NDA_LLADDR,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  NTF_SELF,
  NUD_NOARP,
  NUD_PERMANENT,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from './message.ts';
import type { MessageReader } from './reader.ts';
import type { NetlinkSocket } from './socket.ts';
import type { MessageWriter } from './writer.ts';

const HEADER = 12;

export interface FdbEntry {
  readonly linkIndex: number;
  readonly mac: Mac;
  /** Outer destination; undefined when there is none. */
  readonly destination: Ip | undefined;
  /** False for what the device has learned from traffic. */
  readonly permanent: boolean;
}

/** The device's own (self) entries, permanent and learned. A MAC with several destinations is several entries. */
export function dumpFdb(socket: NetlinkSocket, linkIndex: number): FdbEntry[] {
  const request = (writer: MessageWriter): void => {
    writer.begin(RTM_GETNEIGH, NLM_F_DUMP);
    // Unlike with IP neighbours, strict checking takes the device from the header here.
    encodeHeader(writer, linkIndex, 0, 0);
    writer.end();
  };
  return socket.dump(request, (message) => (message.u32(4) === linkIndex ? decodeFdbEntry(message) : undefined));
}

/** `bridge fdb replace … dev … dst … self permanent`. */
export function encodeFdbReplace(
  writer: MessageWriter,
  linkIndex: number,
  entry: { readonly mac: Mac; readonly destination: Ip },
): void {
  encodeFdb(writer, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, linkIndex, entry);
}

/** `bridge fdb delete … dev … dst … self permanent`. */
export function encodeFdbDelete(
  writer: MessageWriter,
  linkIndex: number,
  entry: { readonly mac: Mac; readonly destination: Ip },
): void {
  encodeFdb(writer, RTM_DELNEIGH, 0, linkIndex, entry);
}

function encodeFdb(
  writer: MessageWriter,
  type: number,
  flags: number,
  linkIndex: number,
  entry: { readonly mac: Mac; readonly destination: Ip },
): void {
  writer.begin(type, flags);
  encodeHeader(writer, linkIndex, NUD_NOARP | NUD_PERMANENT, NTF_SELF);
  writer.attributeMac(NDA_LLADDR, entry.mac);
  writer.attributeIp(NDA_DST, entry.destination);
  writer.end();
}

function encodeHeader(writer: MessageWriter, linkIndex: number, state: number, flags: number): void {
  writer.u8(AF_BRIDGE);
  writer.u8(0);
  writer.u16(0);
  writer.u32(linkIndex);
  writer.u16(state);
  writer.u8(flags);
  writer.u8(0);
}

/** Reads an RTM_NEWNEIGH or RTM_DELNEIGH; undefined when it is not a device's own FDB entry. */
export function decodeFdbEntry(message: MessageReader): FdbEntry | undefined {
  if (message.type !== RTM_NEWNEIGH && message.type !== RTM_DELNEIGH) return undefined;
  if (message.u8(0) !== AF_BRIDGE) return undefined;
  if ((message.u8(10) & NTF_SELF) === 0) return undefined;
  let mac: Mac | undefined;
  let destination: Ip | undefined;
  const attributes = message.attributes(HEADER);
  while (attributes.next()) {
    if (attributes.type === NDA_LLADDR) mac = attributes.mac();
    else if (attributes.type === NDA_DST) destination = attributes.ip();
  }
  if (mac === undefined) return undefined;
  return { linkIndex: message.u32(4), mac, destination, permanent: (message.u16(8) & NUD_PERMANENT) !== 0 };
}
