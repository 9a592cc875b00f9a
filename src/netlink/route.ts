/** Routes of table main: struct rtmsg and its attributes (linux/rtnetlink.h). Lists, looks up, replaces, adds, deletes. */
import { addressBits, type Cidr, type Family, type Ip } from '#model/ip.ts';
import {
  AF_INET,
  AF_INET6,
  afOf,
  afOfIp,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RT_SCOPE_UNIVERSE,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTNH_F_ONLINK,
  RTPROT_BOOT,
} from './message.ts';
import type { MessageReader } from './reader.ts';
import type { NetlinkSocket } from './socket.ts';
import type { MessageWriter } from './writer.ts';

const HEADER = 12;
const RT_TABLE_MAIN = 254;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;
/** In a delete: whatever the route's scope is. */
const RT_SCOPE_NOWHERE = 255;
export const RTN_UNICAST = 1;
export const RTN_BLACKHOLE = 6;
const RTM_F_CLONED = 0x200;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_TABLE = 15;
const RTA_NH_ID = 30;

export interface Route {
  readonly destination: Cidr;
  /** 0 when the route has no device (unreachable) or several (multipath). */
  readonly linkIndex: number;
  readonly gateway: Ip | undefined;
  /** Id of the nexthop object that the route uses. */
  readonly nexthop: number | undefined;
  readonly onlink: boolean;
  /** Preferred source address. */
  readonly source: Ip | undefined;
  /** Who made it: 2 kernel, 3 boot, 4 static, 16 dhcp, … */
  readonly protocol: number;
  /** 0 global, 253 link; IPv6 routes are all global. */
  readonly scope: number;
  /** 1 unicast, 2 local, 6 blackhole, 7 unreachable, … */
  readonly type: number;
  /** Metric. One that is written without has 0 in IPv4 and 1024 in IPv6. */
  readonly priority: number;
}

/** A route to write: by nexthop object, else by gateway and device, else by device alone, else a blackhole. */
export interface NewRoute {
  readonly destination: Cidr;
  readonly gateway?: Ip;
  /** The gateway is taken to be on the device whatever its address says. */
  readonly onlink?: boolean;
  readonly nexthop?: number;
  readonly blackhole?: boolean;
  /** Of a route by device alone: 253 link (the default), 254 host, 0 global. */
  readonly scope?: number;
  /** Preferred source address; the host must have it, and of IPv6 know that nobody else has. */
  readonly source?: Ip;
}

export interface RouteFilter {
  readonly family?: Family;
  /** Only routes over that device. */
  readonly linkIndex?: number;
  /** Only routes of that type. */
  readonly type?: number;
}

/** The routes of one family (IPv4 unless told) in table main. */
export function dumpRoutes(socket: NetlinkSocket, filter: RouteFilter = {}): Route[] {
  const { family = 'ipv4', linkIndex, type } = filter;
  const request = (writer: MessageWriter): void => {
    writer.begin(RTM_GETROUTE, NLM_F_DUMP);
    encodeHeader(writer, { family: afOf(family), length: 0, table: 0, type: type ?? 0 });
    writer.attributeU32(RTA_TABLE, RT_TABLE_MAIN);
    if (linkIndex !== undefined) writer.attributeU32(RTA_OIF, linkIndex);
    writer.end();
  };
  // A kernel without strict checking ignores the filter.
  const decode = (message: MessageReader): Route | undefined => {
    if ((message.u32(8) & RTM_F_CLONED) !== 0 || message.u8(4) !== RT_TABLE_MAIN) return undefined;
    if (type !== undefined && message.u8(7) !== type) return undefined;
    const route = decodeRoute(message);
    return linkIndex === undefined || route?.linkIndex === linkIndex ? route : undefined;
  };
  // Table main does not exist before its first route; a kernel can be without IPv6.
  return socket.dump(request, decode, ['ENOENT', 'ENOTSUP']);
}

/** The route that the kernel takes to `address`, undefined when there is none. */
export function getRoute(socket: NetlinkSocket, address: Ip): Route | undefined {
  const request = (writer: MessageWriter): void => {
    writer.begin(RTM_GETROUTE, 0);
    encodeHeader(writer, { family: afOfIp(address), length: addressBits(address), table: 0 });
    writer.attributeIp(RTA_DST, address);
    writer.end();
  };
  return socket.get(request, decodeRoute, ['ENETUNREACH', 'EHOSTUNREACH', 'EACCES', 'EINVAL']);
}

/** `ip route replace …`: protocol boot, no metric, table main. */
export function encodeRouteReplace(writer: MessageWriter, linkIndex: number, route: NewRoute): void {
  encodeNewRoute(writer, NLM_F_CREATE | NLM_F_REPLACE, linkIndex, route);
}

/** `ip route add …`: refused when a route to that destination with the same metric is there, whoever made it. */
export function encodeRouteAdd(writer: MessageWriter, linkIndex: number, route: NewRoute): void {
  encodeNewRoute(writer, NLM_F_CREATE | NLM_F_EXCL, linkIndex, route);
}

/** Beside others to the same destination, and before them; refused only when the very same route is there. */
export function encodeRoutePrepend(writer: MessageWriter, linkIndex: number, route: NewRoute): void {
  encodeNewRoute(writer, NLM_F_CREATE, linkIndex, route);
}

function encodeNewRoute(writer: MessageWriter, flags: number, linkIndex: number, route: NewRoute): void {
  writer.begin(RTM_NEWROUTE, flags);
  const byDevice = route.nexthop === undefined && route.gateway === undefined && route.blackhole !== true;
  encodeHeader(writer, {
    family: afOfIp(route.destination.address),
    length: route.destination.length,
    protocol: RTPROT_BOOT,
    scope: byDevice ? (route.scope ?? RT_SCOPE_LINK) : RT_SCOPE_UNIVERSE,
    type: route.blackhole === true ? RTN_BLACKHOLE : RTN_UNICAST,
    flags: route.nexthop === undefined && route.onlink === true ? RTNH_F_ONLINK : 0,
  });
  encodeWay(writer, linkIndex, route);
  writer.end();
}

/** `ip route delete`: only the route that goes this way, whoever made it. */
export function encodeRouteDelete(writer: MessageWriter, linkIndex: number, route: NewRoute): void {
  writer.begin(RTM_DELROUTE, 0);
  const { address, length } = route.destination;
  const type = route.blackhole === true ? RTN_BLACKHOLE : 0;
  const scope = typeof address === 'number' ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
  encodeHeader(writer, { family: afOfIp(address), length, scope, type });
  encodeWay(writer, linkIndex, route);
  writer.end();
}

function encodeWay(writer: MessageWriter, linkIndex: number, route: NewRoute): void {
  writer.attributeIp(RTA_DST, route.destination.address);
  if (route.nexthop !== undefined) {
    writer.attributeU32(RTA_NH_ID, route.nexthop);
    return;
  }
  if (route.blackhole === true) return;
  if (route.gateway !== undefined) writer.attributeIp(RTA_GATEWAY, route.gateway);
  if (route.source !== undefined) writer.attributeIp(RTA_PREFSRC, route.source);
  writer.attributeU32(RTA_OIF, linkIndex);
}

interface RouteHeader {
  readonly family: number;
  readonly length: number;
  readonly table?: number;
  readonly protocol?: number;
  readonly scope?: number;
  readonly type?: number;
  readonly flags?: number;
}

function encodeHeader(writer: MessageWriter, header: RouteHeader): void {
  writer.u8(header.family);
  writer.u8(header.length);
  writer.u16(0);
  writer.u8(header.table ?? RT_TABLE_MAIN);
  writer.u8(header.protocol ?? 0);
  writer.u8(header.scope ?? 0);
  writer.u8(header.type ?? 0);
  writer.u32(header.flags ?? 0);
}

/** Reads an RTM_NEWROUTE, or an RTM_DELROUTE of which it tells what is gone; of any table; undefined for other families. */
export function decodeRoute(message: MessageReader): Route | undefined {
  if (message.type !== RTM_NEWROUTE && message.type !== RTM_DELROUTE) return undefined;
  const family = message.u8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  let address: Ip | undefined = family === AF_INET ? 0 : 0n;
  let linkIndex = 0;
  let gateway: Ip | undefined;
  let nexthop: number | undefined;
  let source: Ip | undefined;
  let priority = 0;
  const attributes = message.attributes(HEADER);
  while (attributes.next()) {
    if (attributes.type === RTA_DST) address = attributes.ip();
    else if (attributes.type === RTA_OIF) linkIndex = attributes.u32();
    else if (attributes.type === RTA_GATEWAY) gateway = attributes.ip();
    else if (attributes.type === RTA_NH_ID) nexthop = attributes.u32();
    else if (attributes.type === RTA_PREFSRC) source = attributes.ip();
    else if (attributes.type === RTA_PRIORITY) priority = attributes.u32();
  }
  if (address === undefined) return undefined;
  return {
    destination: { address, length: message.u8(1) },
    linkIndex,
    gateway,
    nexthop,
    onlink: (message.u32(8) & RTNH_F_ONLINK) !== 0,
    source,
    protocol: message.u8(5),
    scope: message.u8(6),
    type: message.u8(7),
    priority,
  };
}
