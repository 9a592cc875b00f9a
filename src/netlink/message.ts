/**
 * Netlink messages: the numbers of linux/netlink.h and linux/rtnetlink.h that more than one file here needs. All fields
 * are in host byte order, which is little endian on every machine that we build for; addresses and ports are big endian.
 */
import type { Family, Ip } from '#model/ip.ts';
import { Fault } from '#runtime/fault.ts';

/** Length of struct nlmsghdr, and of struct rtattr before its payload. */
export const MESSAGE_HEADER = 16;
export const ATTRIBUTE_HEADER = 4;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;
export const RTM_NEWNEXTHOP = 104;
export const RTM_DELNEXTHOP = 105;
export const RTM_GETNEXTHOP = 106;
export const RTM_NEWNETCONF = 80;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_BRIDGE = 7;

export const RTPROT_BOOT = 3;
export const RT_SCOPE_UNIVERSE = 0;
export const RTNH_F_ONLINK = 4;

export const NDA_DST = 1;
export const NDA_LLADDR = 2;
export const NDA_IFINDEX = 8;
export const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;
export const NTF_SELF = 0x2;

/** AF_* of a family. */
export function afOf(family: Family): number {
  return family === 'ipv4' ? AF_INET : AF_INET6;
}

/** AF_* of an address. */
export function afOfIp(address: Ip): number {
  return typeof address === 'number' ? AF_INET : AF_INET6;
}

/** Messages and attributes start at multiples of four. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** The Fault for bytes that are no netlink message. */
export function malformed(what: string): Fault {
  return new Fault('kernel.protocol', { what: `malformed netlink message: ${what}` });
}
