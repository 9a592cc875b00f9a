/** An operation as the rtnetlink message that does it. */
import { encodeAddressAdd, encodeAddressDelete } from '#netlink/address.ts';
import { encodeFdbDelete, encodeFdbReplace } from '#netlink/fdb.ts';
import { encodeLinkDelete, encodeLinkSet, encodeVxlanAdd } from '#netlink/link.ts';
import { encodeNeighborDelete, encodeNeighborReplace } from '#netlink/neighbor.ts';
import { encodeNexthopDelete, encodeNexthopReplace } from '#netlink/nexthop.ts';
import { encodeRouteAdd, encodeRouteDelete, encodeRouteReplace } from '#netlink/route.ts';
import type { MessageWriter } from '#netlink/writer.ts';
import type { Operation } from './state.ts';

/** No link has it, so the kernel answers ENODEV: the device vanished between looking and writing. */
const NO_SUCH_INDEX = 2 ** 31 - 1;

/** Writes one message. `indexes` are the links of now by name. */
export function encodeOperation(
  writer: MessageWriter,
  operation: Operation,
  indexes: ReadonlyMap<string, number>,
): void {
  const indexOf = (device: string): number => indexes.get(device) ?? NO_SUCH_INDEX;
  switch (operation.type) {
    case 'device-add':
      encodeVxlanAdd(writer, indexOf(operation.device.underlay), operation.device);
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
      encodeRouteAdd(writer, indexOf(operation.entry.device), operation.entry);
      break;
    case 'route-replace':
      encodeRouteReplace(writer, indexOf(operation.entry.device), operation.entry);
      break;
    case 'route-delete':
      encodeRouteDelete(writer, indexOf(operation.entry.device), operation.entry);
      break;
  }
}
