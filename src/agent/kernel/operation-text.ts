/** An operation as the `ip` or `bridge` command that would do the same: the dry run, the log and the golden tests. */
import { formatIpv4Cidr } from '#model/cidr.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import type { NexthopEntry, Operation, RouteEntry, VxlanDevice } from './state.ts';

export function operationText(operation: Operation): string {
  switch (operation.type) {
    case 'device-add':
      return deviceAdd(operation.device);
    case 'device-delete':
      return `ip link delete ${operation.name}`;
    case 'device-set': {
      const mac = operation.mac === undefined ? '' : ` address ${operation.mac}`;
      const mtu = operation.mtu === undefined ? '' : ` mtu ${operation.mtu}`;
      return `ip link set ${operation.name}${mac}${mtu}${operation.up === true ? ' up' : ''}`;
    }
    case 'address-add':
    case 'address-delete': {
      const { address, length, device } = operation.entry;
      return `ip address ${operation.type === 'address-add' ? 'add' : 'delete'} ${formatIpv4(address)}/${length} dev ${device}`;
    }
    case 'neighbor-replace':
      return `ip neigh replace ${formatIpv4(operation.entry.address)} lladdr ${operation.entry.mac} dev ${operation.entry.device} nud permanent`;
    case 'neighbor-delete':
      return `ip neigh delete ${formatIpv4(operation.entry.address)} dev ${operation.entry.device}`;
    case 'fdb-replace':
    case 'fdb-delete': {
      const { mac, device, destination } = operation.entry;
      const verb = operation.type === 'fdb-replace' ? 'replace' : 'delete';
      return `bridge fdb ${verb} ${mac} dev ${device} dst ${formatIpv4(destination)} self permanent`;
    }
    case 'nexthop-replace':
      return nexthopReplace(operation.entry);
    case 'nexthop-delete':
      return `ip nexthop delete id ${operation.entry.id}`;
    case 'route-add':
      return `ip route add ${route(operation.entry)}`;
    case 'route-replace':
      return `ip route replace ${route(operation.entry)}`;
    case 'route-delete':
      return `ip route delete ${route(operation.entry)}`;
  }
}

function deviceAdd(device: VxlanDevice): string {
  const learning = device.learning ? 'learning' : 'nolearning';
  return (
    `ip link add ${device.name} address ${device.mac} mtu ${device.mtu} txqueuelen 0 type vxlan id ${device.vni} ` +
    `dev ${device.underlay} local ${formatIpv4(device.local)} dstport ${device.port} ${learning}${device.gbp ? ' gbp' : ''}`
  );
}

function nexthopReplace(entry: NexthopEntry): string {
  return `ip nexthop replace id ${entry.id} via ${formatIpv4(entry.gateway)} dev ${entry.device} onlink`;
}

function route(entry: RouteEntry): string {
  const destination = formatIpv4Cidr(entry.destination);
  if (entry.nexthop !== undefined) return `${destination} nhid ${entry.nexthop}`;
  return `${destination} via ${formatIpv4(entry.gateway)} dev ${entry.device} onlink`;
}
