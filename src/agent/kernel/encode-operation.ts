/** An operation as the rtnetlink message that does it. */
import { encodeAddressAdd, encodeAddressDelete } from '#netlink/address.ts';
import { encodeFdbDelete, encodeFdbReplace } from '#netlink/fdb.ts';
import { encodeIpipAdd, encodeLinkDelete, encodeLinkSet, encodeVxlanAdd } from '#netlink/link.ts';
import { encodeNeighborDelete, encodeNeighborReplace } from '#netlink/neighbor.ts';
import { encodeNexthopDelete, encodeNexthopReplace } from '#netlink/nexthop.ts';
import { encodeRouteAdd, encodeRouteDelete, encodeRouteReplace, type NewRoute, RT_SCOPE_LINK } from '#netlink/route.ts';
import type { MessageWriter } from '#netlink/writer.ts';
import type { Operation, RouteEntry, SysctlOperation } from './state.ts';

export type NetlinkOperation = Exclude<Operation, SysctlOperation>;

/** No link has it, so the kernel answers ENODEV: the device vanished between looking and writing. */
const NO_SUCH_INDEX = 2 ** 31 - 1;

/** Writes one message. `indexes` are the links of now by name. */
export function encodeOperation(
  writer: MessageWriter,
  operation: NetlinkOperation,
  indexes: ReadonlyMap<string, number>,
): void {
  const indexOf = (device: string): number => indexes.get(device) ?? NO_SUCH_INDEX;
  switch (operation.type) {
    case 'device-add':
      if (operation.device.kind === 'ipip') encodeIpipAdd(writer, operation.device);
      else encodeVxlanAdd(writer, indexOf(operation.device.underlay), operation.device);
      break;
    case 'device-delete':
      encodeLinkDelete(writer, operation.name);
      break;
    case 'device-set':
      encodeLinkSet(writer, operation);
      break;
    case 'address-add':
      encodeAddressAdd(writer, indexOf(operation.entry.device), operation.entry);
      break;
    case 'address-delete':
      encodeAddressDelete(writer, indexOf(operation.entry.device), operation.entry);
      break;
    case 'neighbor-replace':
      encodeNeighborReplace(writer, indexOf(operation.entry.device), operation.entry);
      break;
    case 'neighbor-delete':
      encodeNeighborDelete(writer, indexOf(operation.entry.device), operation.entry);
      break;
    case 'fdb-replace':
      encodeFdbReplace(writer, indexOf(operation.entry.device), operation.entry);
      break;
    case 'fdb-delete':
      encodeFdbDelete(writer, indexOf(operation.entry.device), operation.entry);
      break;
    case 'nexthop-replace':
      encodeNexthopReplace(writer, indexOf(operation.entry.device), operation.entry);
      break;
    case 'nexthop-delete':
      encodeNexthopDelete(writer, operation.entry.id);
      break;
    case 'route-add':
      encodeRouteAdd(writer, routeIndex(operation.entry, indexOf), newRoute(operation.entry));
      break;
    case 'route-replace':
      // A blackhole must never take the place of the route to our own Pods.
      if (operation.entry.type === 'blackhole') encodeRouteAdd(writer, 0, newRoute(operation.entry));
      else encodeRouteReplace(writer, indexOf(operation.entry.device), newRoute(operation.entry));
      break;
    case 'route-delete':
      encodeRouteDelete(writer, routeIndex(operation.entry, indexOf), newRoute(operation.entry));
      break;
  }
}

function routeIndex(entry: RouteEntry, indexOf: (device: string) => number): number {
  return entry.type === 'blackhole' ? 0 : indexOf(entry.device);
}

function newRoute(entry: RouteEntry): NewRoute {
  const { destination } = entry;
  switch (entry.type) {
    case 'blackhole':
      return { destination, blackhole: true };
    case 'link':
      return { destination, scope: entry.scope === 'link' ? RT_SCOPE_LINK : 0 };
    case 'onlink':
    case 'gateway': {
      if (entry.nexthop !== undefined) return { destination, nexthop: entry.nexthop };
      return { destination, gateway: entry.gateway, onlink: entry.type === 'onlink' };
    }
  }
}
