/** What an operation is about: its kind, the device, and a name that is the same each time the object is put right. Pure. */
import { formatCidr, formatIp } from '#model/ip.ts';
import type { Operation } from './state.ts';

export type ObjectKind = 'device' | 'sysctl' | 'address' | 'neighbor' | 'fdb' | 'nexthop' | 'route';

export function objectKind(operation: Operation): ObjectKind {
  switch (operation.type) {
    case 'device-add':
    case 'device-delete':
    case 'device-set':
      return 'device';
    case 'sysctl-set':
      return 'sysctl';
    case 'address-add':
    case 'address-delete':
      return 'address';
    case 'neighbor-replace':
    case 'neighbor-delete':
      return 'neighbor';
    case 'fdb-replace':
    case 'fdb-delete':
      return 'fdb';
    case 'nexthop-replace':
    case 'nexthop-delete':
      return 'nexthop';
    case 'route-add':
    case 'route-replace':
    case 'route-delete':
      return 'route';
  }
}

/** Name of the device or interface; undefined for what stands on none. */
export function objectDevice(operation: Operation): string | undefined {
  switch (operation.type) {
    case 'device-add':
      return operation.device.name;
    case 'device-delete':
    case 'device-set':
      return operation.name;
    case 'sysctl-set':
      return undefined;
    case 'route-add':
    case 'route-replace':
    case 'route-delete':
      return operation.entry.type === 'blackhole' ? undefined : operation.entry.device;
    default:
      return operation.entry.device;
  }
}

/** Such as `route 172.30.9.0/24`. */
export function objectName(operation: Operation): string {
  switch (operation.type) {
    case 'device-add':
      return `device ${operation.device.name}`;
    case 'device-delete':
    case 'device-set':
      return `device ${operation.name}`;
    case 'sysctl-set':
      return `sysctl ${operation.name}`;
    case 'address-add':
    case 'address-delete':
      return `address ${formatIp(operation.entry.address)}/${operation.entry.length}`;
    case 'neighbor-replace':
    case 'neighbor-delete':
      return `neighbor ${formatIp(operation.entry.address)}`;
    case 'fdb-replace':
    case 'fdb-delete':
      return `FDB entry ${operation.entry.mac} dst ${formatIp(operation.entry.destination)}`;
    case 'nexthop-replace':
    case 'nexthop-delete':
      return `nexthop ${operation.entry.id}`;
    case 'route-add':
    case 'route-replace':
    case 'route-delete':
      return `route ${formatCidr(operation.entry.destination)}`;
  }
}
