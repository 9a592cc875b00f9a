/** Whether a notification is about something of ours; a host's other links, Pods and ARP entries must not wake the agent. */
import { cidrEncloses } from '#model/ip.ts';
import { decodeLink } from '#netlink/link.ts';
import * as numbers from '#netlink/message.ts';
import type { MessageReader } from '#netlink/reader.ts';
import { decodeRoute, RT_SCOPE_LINK, RTN_BLACKHOLE, RTN_UNICAST } from '#netlink/route.ts';
import { isFormerDevice, type Ownership, ownFamilies } from './ownership.ts';

/** Struct nhmsg and NHA_OIF (linux/nexthop.h). */
const NEXTHOP = { header: 8, device: 5 };
/** Struct netconfmsg with its padding, NETCONFA_IFINDEX, NETCONFA_FORWARDING, NETCONFA_IFINDEX_ALL (linux/netconf.h). */
const NETCONF = { header: 4, index: 1, forwarding: 2, all: 0xffffffff };
/** Of the link, in what is told of links, addresses and neighbours. */
export const INDEX_OFFSET = 4;
/** Of ifaddrmsg. */
const SCOPE_OFFSET = 3;

/** Indexes that the devices had when last looked at; a device made anew has another. */
export interface WatchedIndexes {
  readonly devices: ReadonlySet<number>;
  /** Of the devices that another backend left. */
  readonly former: ReadonlySet<number>;
  /** 0 when it is not there. */
  readonly underlay: number;
}

export function concernsDevices(message: MessageReader, ownership: Ownership, indexes: WatchedIndexes): boolean {
  const isOurs = (index: number): boolean => indexes.devices.has(index);
  const isNear = (index: number): boolean =>
    isOurs(index) || indexes.former.has(index) || (index !== 0 && index === indexes.underlay);
  switch (message.type) {
    case numbers.RTM_NEWLINK: {
      if (isNear(message.u32(INDEX_OFFSET))) return true;
      const name = decodeLink(message)?.name ?? '';
      return name === ownership.underlay || ownership.devices.includes(name) || isFormerDevice(ownership, name);
    }
    case numbers.RTM_DELLINK:
      return isNear(message.u32(INDEX_OFFSET));
    case numbers.RTM_NEWADDR:
    case numbers.RTM_DELADDR:
      // The host's own addresses decide which leases are refused, whatever link they are on.
      return isOfFamilies(message, ownership) && !isLinkLocal(message, isOurs, indexes.underlay);
    case numbers.RTM_NEWNEIGH:
    case numbers.RTM_DELNEIGH:
      return isOurs(message.u32(INDEX_OFFSET));
    case numbers.RTM_NEWROUTE:
    case numbers.RTM_DELROUTE:
      return concernsRoutes(message, ownership, isOurs, isNear);
    case numbers.RTM_NEWNETCONF:
      return ownership.sysctls !== undefined && turnsForwardingOff(message, isNear);
    case numbers.RTM_NEWNEXTHOP:
    case numbers.RTM_DELNEXTHOP:
      return isOurs(nexthopDevice(message));
    default:
      return false;
  }
}

/** Routes over our devices, those over the underlay and former devices that could be ours, and what decides whether peers are on-link. */
function concernsRoutes(
  message: MessageReader,
  ownership: Ownership,
  isOurs: (index: number) => boolean,
  isNear: (index: number) => boolean,
): boolean {
  const route = decodeRoute(message);
  if (route === undefined) return false;
  const { destination, type, linkIndex } = route;
  // With a device the kernel brings routes of its own.
  if (isOurs(linkIndex)) return route.protocol === numbers.RTPROT_BOOT;
  const inside = ownership.networks.some(({ network }) => cidrEncloses(network, destination));
  if (type === RTN_BLACKHOLE) return ownership.blackholes && inside;
  if (type !== RTN_UNICAST) return false;
  return inside ? ownership.underlayRoutes === 'ours' && isNear(linkIndex) : ownership.hostRoutes;
}

/** On all interfaces or on one of ours; what is switched on is none of our business. */
function turnsForwardingOff(message: MessageReader, isNear: (index: number) => boolean): boolean {
  let index: number | undefined;
  let isOff = false;
  const attributes = message.attributes(NETCONF.header);
  while (attributes.next()) {
    if (attributes.type === NETCONF.index) index = attributes.u32();
    if (attributes.type === NETCONF.forwarding) isOff = attributes.u32() === 0;
  }
  return isOff && index !== undefined && (index === NETCONF.all || isNear(index));
}

function isOfFamilies(message: MessageReader, ownership: Ownership): boolean {
  const family = message.u8(0);
  return ownFamilies(ownership).some((each) => numbers.afOf(each) === family);
}

/**
 * The address that the kernel gives each IPv6 device, some seconds after it is up: only the underlay's is news, which may be
 * our public one. Each container that comes or goes brings one.
 */
function isLinkLocal(message: MessageReader, isOurs: (index: number) => boolean, underlay: number): boolean {
  if (message.u8(SCOPE_OFFSET) !== RT_SCOPE_LINK) return false;
  const index = message.u32(INDEX_OFFSET);
  return isOurs(index) || (message.u8(0) === numbers.AF_INET6 && underlay !== 0 && index !== underlay);
}

function nexthopDevice(message: MessageReader): number {
  const attributes = message.attributes(NEXTHOP.header);
  while (attributes.next()) if (attributes.type === NEXTHOP.device) return attributes.u32();
  return 0;
}
