/** IPv4 addresses of links: struct ifaddrmsg and its attributes (linux/if_addr.h). Lists, adds, deletes. */
import type { Ipv4Cidr } from '#model/cidr.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import {
  AF_INET,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  RT_SCOPE_UNIVERSE,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from './message.ts';
import type { MessageReader } from './reader.ts';
import type { NetlinkSocket } from './socket.ts';
import type { MessageWriter } from './writer.ts';

const HEADER = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_DEPRECATED = 0x20;
const IFA_F_PERMANENT = 0x80;

export interface Address {
  readonly linkIndex: number;
  readonly address: Ipv4;
  /** Prefix length. */
  readonly length: number;
  /** 0 global, 253 link, 254 host. */
  readonly scope: number;
  readonly permanent: boolean;
  readonly deprecated: boolean;
}

/** The IPv4 addresses of all links. */
export function dumpAddresses(socket: NetlinkSocket): Address[] {
  return socket.dump((writer) => {
    writer.begin(RTM_GETADDR, NLM_F_DUMP);
    encodeHeader(writer, 0, 0);
    writer.end();
  }, decodeAddress);
}

/** `ip address add`, scope global, refused when the link has it. */
export function encodeAddressAdd(writer: MessageWriter, linkIndex: number, entry: Ipv4Cidr): void {
  encodeAddress(writer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, linkIndex, entry);
}

/** `ip address delete`. */
export function encodeAddressDelete(writer: MessageWriter, linkIndex: number, entry: Ipv4Cidr): void {
  encodeAddress(writer, RTM_DELADDR, 0, linkIndex, entry);
}

function encodeAddress(writer: MessageWriter, type: number, flags: number, linkIndex: number, entry: Ipv4Cidr): void {
  writer.begin(type, flags);
  encodeHeader(writer, entry.length, linkIndex);
  writer.attributeIpv4(IFA_LOCAL, entry.address);
  writer.attributeIpv4(IFA_ADDRESS, entry.address);
  writer.end();
}

function encodeHeader(writer: MessageWriter, length: number, linkIndex: number): void {
  writer.u8(AF_INET);
  writer.u8(length);
  writer.u8(0);
  writer.u8(RT_SCOPE_UNIVERSE);
  writer.u32(linkIndex);
}

/** Reads an RTM_NEWADDR; undefined when it is not IPv4. */
export function decodeAddress(message: MessageReader): Address | undefined {
  if (message.type !== RTM_NEWADDR || message.u8(0) !== AF_INET) return undefined;
  let peer: Ipv4 | undefined;
  let local: Ipv4 | undefined;
  let flags = message.u8(2);
  const attributes = message.attributes(HEADER);
  while (attributes.next()) {
    if (attributes.type === IFA_LOCAL) local = attributes.ipv4();
    else if (attributes.type === IFA_ADDRESS) peer = attributes.ipv4();
    else if (attributes.type === IFA_FLAGS) flags = attributes.u32();
  }
  // On a point-to-point link IFA_ADDRESS is the other end; without IFA_LOCAL it is the address itself.
  const address = local ?? peer;
  if (address === undefined) return undefined;
  return {
    linkIndex: message.u32(4),
    address,
    length: message.u8(1),
    scope: message.u8(3),
    permanent: (flags & IFA_F_PERMANENT) !== 0,
    deprecated: (flags & IFA_F_DEPRECATED) !== 0,
  };
}
