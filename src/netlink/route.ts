/** IPv4 routes of table main: struct rtmsg and its attributes (linux/rtnetlink.h). Lists, looks up, replaces, deletes. */
import type { Ipv4Cidr } from '#model/cidr.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import {
  AF_INET,
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
/** In a delete: whatever the route's scope is. */
const RT_SCOPE_NOWHERE = 255;
const RTN_UNICAST = 1;
const RTM_F_CLONED = 0x200;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_TABLE = 15;
const RTA_NH_ID = 30;

export interface Route {
  readonly destination: Ipv4Cidr;
  /** 0 when the route has no device (unreachable, multipath). */
  readonly linkIndex: number;
  readonly gateway: Ipv4 | undefined;
  /** Id of the nexthop object that the route uses. */
  readonly nexthop: number | undefined;
  readonly onlink: boolean;
  /** Preferred source address. */
  readonly source: Ipv4 | undefined;
  /** Who made it: 2 kernel, 3 boot, 4 static, 16 dhcp, … */
  readonly protocol: number;
  readonly scope: number;
  /** 1 unicast, 2 local, 6 blackhole, 7 unreachable, … */
  readonly type: number;
  /** Metric. */
  readonly priority: number;
}

/** A route of ours: by nexthop object when there is one, else onlink by gateway and device. */
export interface NewRoute {
  readonly destination: Ipv4Cidr;
  readonly gateway: Ipv4;
  readonly nexthop?: number;
}

/** The IPv4 routes of table main, of one device when `linkIndex` is given. */
export function dumpRoutes(socket: NetlinkSocket, linkIndex?: number): Route[] {
  const request = (writer: MessageWriter): void => {
    writer.begin(RTM_GETROUTE, NLM_F_DUMP);
    encodeHeader(writer, { length: 0, table: 0, protocol: 0, scope: 0, type: 0, flags: 0 });
    writer.attributeU32(RTA_TABLE, RT_TABLE_MAIN);
    if (linkIndex !== undefined) writer.attributeU32(RTA_OIF, linkIndex);
    writer.end();
  };
  // A kernel without strict checking ignores the filter.
  const decode = (message: MessageReader): Route | undefined => {
    if ((message.u32(8) & RTM_F_CLONED) !== 0 || message.u8(4) !== RT_TABLE_MAIN) return undefined;
    const route = decodeRoute(message);
    return linkIndex === undefined || route?.linkIndex === linkIndex ? route : undefined;
  };
  // Table main does not exist before its first route.
  return socket.dump(request, decode, ['ENOENT']);
}

/** The route that the kernel takes to `address`, undefined when there is none. */
export function getRoute(socket: NetlinkSocket, address: Ipv4): Route | undefined {
  const request = (writer: MessageWriter): void => {
    writer.begin(RTM_GETROUTE, 0);
    encodeHeader(writer, { length: 32, table: 0, protocol: 0, scope: 0, type: 0, flags: 0 });
    writer.attributeIpv4(RTA_DST, address);
    writer.end();
  };
  return socket.get(request, decodeRoute, ['ENETUNREACH', 'EHOSTUNREACH', 'EACCES', 'EINVAL']);
}

/** `ip route replace … via … dev … onlink`, or `… nhid …`: protocol boot, scope global, table main. */
export function encodeRouteReplace(writer: MessageWriter, linkIndex: number, route: NewRoute): void {
  encodeNewRoute(writer, NLM_F_CREATE | NLM_F_REPLACE, linkIndex, route);
}

/** `ip route add`: the same, refused (EEXIST) when there is a route to the destination, whoever made it. */
export function encodeRouteAdd(writer: MessageWriter, linkIndex: number, route: NewRoute): void {
  encodeNewRoute(writer, NLM_F_CREATE | NLM_F_EXCL, linkIndex, route);
}

function encodeNewRoute(writer: MessageWriter, flags: number, linkIndex: number, route: NewRoute): void {
  writer.begin(RTM_NEWROUTE, flags);
  encodeHeader(writer, {
    length: route.destination.length,
    table: RT_TABLE_MAIN,
    protocol: RTPROT_BOOT,
    scope: RT_SCOPE_UNIVERSE,
    type: RTN_UNICAST,
    flags: route.nexthop === undefined ? RTNH_F_ONLINK : 0,
  });
  encodeWay(writer, linkIndex, route);
  writer.end();
}

/** `ip route delete`: only the route that goes this way, whoever made it. */
export function encodeRouteDelete(writer: MessageWriter, linkIndex: number, route: NewRoute): void {
  writer.begin(RTM_DELROUTE, 0);
  const { length } = route.destination;
  encodeHeader(writer, { length, table: RT_TABLE_MAIN, protocol: 0, scope: RT_SCOPE_NOWHERE, type: 0, flags: 0 });
  encodeWay(writer, linkIndex, route);
  writer.end();
}

function encodeWay(writer: MessageWriter, linkIndex: number, route: NewRoute): void {
  writer.attributeIpv4(RTA_DST, route.destination.address);
  if (route.nexthop !== undefined) {
    writer.attributeU32(RTA_NH_ID, route.nexthop);
    return;
  }
  writer.attributeIpv4(RTA_GATEWAY, route.gateway);
  writer.attributeU32(RTA_OIF, linkIndex);
}

interface RouteHeader {
  readonly length: number;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly type: number;
  readonly flags: number;
}

function encodeHeader(writer: MessageWriter, header: RouteHeader): void {
  writer.u8(AF_INET);
  writer.u8(header.length);
  writer.u16(0);
  writer.u8(header.table);
  writer.u8(header.protocol);
  writer.u8(header.scope);
  writer.u8(header.type);
  writer.u32(header.flags);
}

/** Reads an RTM_NEWROUTE of any table; undefined when it is not IPv4. */
export function decodeRoute(message: MessageReader): Route | undefined {
  if (message.type !== RTM_NEWROUTE || message.u8(0) !== AF_INET) return undefined;
  let address: Ipv4 | undefined = 0;
  let linkIndex = 0;
  let gateway: Ipv4 | undefined;
  let nexthop: number | undefined;
  let source: Ipv4 | undefined;
  let priority = 0;
  const attributes = message.attributes(HEADER);
  while (attributes.next()) {
    if (attributes.type === RTA_DST) address = attributes.ipv4();
    else if (attributes.type === RTA_OIF) linkIndex = attributes.u32();
    else if (attributes.type === RTA_GATEWAY) gateway = attributes.ipv4();
    else if (attributes.type === RTA_NH_ID) nexthop = attributes.u32();
    else if (attributes.type === RTA_PREFSRC) source = attributes.ipv4();
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
