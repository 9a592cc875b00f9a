/** Addresses of links: struct ifaddrmsg and its attributes (linux/if_addr.h). Lists, adds, deletes. */
import { type Cidr, type Ip, lastIpOf } from '#model/ip.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  afOfIp,
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
const IFA_BROADCAST = 4;
const IFA_FLAGS = 8;
/** The same bit is IFA_F_SECONDARY for IPv4. */
const IFA_F_TEMPORARY = 0x01;
const IFA_F_NODAD = 0x02;
const IFA_F_DADFAILED = 0x08;
const IFA_F_DEPRECATED = 0x20;
const IFA_F_PERMANENT = 0x80;

export interface Address {
  readonly linkIndex: number;
  readonly address: Ip;
  /** Prefix length. */
  readonly length: number;
  /** 0 global, 253 link, 254 host. */
  readonly scope: number;
  readonly permanent: boolean;
  /** Not to be used for new connections: its preferred time is over, or another host has it (duplicate detection). */
  readonly deprecated: boolean;
  /** A privacy address of IPv6; for IPv4 a second one in the same network. */
  readonly temporary: boolean;
}

/** The addresses of all links, or of one, IPv4 first. */
export function dumpAddresses(socket: NetlinkSocket, linkIndex = 0): Address[] {
  const request = (writer: MessageWriter): void => {
    writer.begin(RTM_GETADDR, NLM_F_DUMP);
    encodeHeader(writer, AF_UNSPEC, 0, linkIndex);
    writer.end();
  };
  // A kernel without strict checking ignores the index.
  const decode = (message: MessageReader): Address | undefined => {
    const address = decodeAddress(message);
    return linkIndex === 0 || address?.linkIndex === linkIndex ? address : undefined;
  };
  return socket.dump(request, decode);
}

/**
 * `ip address add … broadcast +`, scope global, refused when the link has it: as container plugins write one. IPv6 has
 * duplicate detection unless the link is told otherwise.
 */
export function encodeContainerAddressAdd(writer: MessageWriter, linkIndex: number, entry: Cidr): void {
  writer.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  encodeHeader(writer, afOfIp(entry.address), entry.length, linkIndex);
  writer.attributeIp(IFA_LOCAL, entry.address);
  writer.attributeIp(IFA_ADDRESS, entry.address);
  if (typeof entry.address === 'number' && entry.length < 31) writer.attributeIp(IFA_BROADCAST, lastIpOf(entry));
  writer.end();
}

/** `ip address add`, scope global, refused when the link has it; for IPv6 `nodad`: usable at once. */
export function encodeAddressAdd(writer: MessageWriter, linkIndex: number, entry: Cidr): void {
  encodeAddress(writer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, linkIndex, entry);
}

/** `ip address delete`. */
export function encodeAddressDelete(writer: MessageWriter, linkIndex: number, entry: Cidr): void {
  encodeAddress(writer, RTM_DELADDR, 0, linkIndex, entry);
}

function encodeAddress(writer: MessageWriter, type: number, flags: number, linkIndex: number, entry: Cidr): void {
  writer.begin(type, flags);
  encodeHeader(
    writer,
    afOfIp(entry.address),
    entry.length,
    linkIndex,
    typeof entry.address === 'bigint' ? IFA_F_NODAD : 0,
  );
  writer.attributeIp(IFA_LOCAL, entry.address);
  writer.attributeIp(IFA_ADDRESS, entry.address);
  writer.end();
}

function encodeHeader(writer: MessageWriter, family: number, length: number, linkIndex: number, flags = 0): void {
  writer.u8(family);
  writer.u8(length);
  writer.u8(flags);
  writer.u8(RT_SCOPE_UNIVERSE);
  writer.u32(linkIndex);
}

/** Reads an RTM_NEWADDR; undefined when it is of another family. */
export function decodeAddress(message: MessageReader): Address | undefined {
  if (message.type !== RTM_NEWADDR || (message.u8(0) !== AF_INET && message.u8(0) !== AF_INET6)) return undefined;
  let peer: Ip | undefined;
  let local: Ip | undefined;
  let flags = message.u8(2);
  const attributes = message.attributes(HEADER);
  while (attributes.next()) {
    if (attributes.type === IFA_LOCAL) local = attributes.ip();
    else if (attributes.type === IFA_ADDRESS) peer = attributes.ip();
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
    deprecated: (flags & (IFA_F_DEPRECATED | IFA_F_DADFAILED)) !== 0,
    temporary: (flags & IFA_F_TEMPORARY) !== 0,
  };
}
