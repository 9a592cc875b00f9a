/** An operation as the `ip` or `bridge` command that would do the same: the dry run, the log and the golden tests. */
import { formatCidr, formatIp } from '#model/ip.ts';
import type { IpipDevice, NexthopEntry, Operation, RouteEntry, VxlanDevice } from './state.ts';

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
      return `ip address ${operation.type === 'address-add' ? 'add' : 'delete'} ${formatIp(address)}/${length} dev ${device}`;
    }
    case 'neighbor-replace':
      return `ip neigh replace ${formatIp(operation.entry.address)} lladdr ${operation.entry.mac} dev ${operation.entry.device} nud permanent`;
    case 'neighbor-delete':
      return `ip neigh delete ${formatIp(operation.entry.address)} dev ${operation.entry.device}`;
    case 'fdb-replace':
    case 'fdb-delete': {
      const { mac, device, destination } = operation.entry;
      const verb = operation.type === 'fdb-replace' ? 'replace' : 'delete';
      return `bridge fdb ${verb} ${mac} dev ${device} dst ${formatIp(destination)} self permanent`;
    }
    case 'nexthop-replace':
      return nexthopReplace(operation.entry);
    case 'nexthop-delete':
      return `ip nexthop delete id ${operation.entry.id}`;
    case 'route-add':
      return `ip route add ${routeText(operation.entry)}`;
    case 'route-replace':
      return `ip route ${operation.entry.type === 'blackhole' ? 'add' : 'replace'} ${routeText(operation.entry)}`;
    case 'route-delete':
      return `ip route delete ${routeText(operation.entry)}`;
    case 'sysctl-set':
      return `sysctl -w ${operation.name}=${operation.value}`;
  }
}

function deviceAdd(device: VxlanDevice | IpipDevice): string {
  if (device.kind === 'ipip') {
    return `ip link add ${device.name} mtu ${device.mtu} type ipip local ${formatIp(device.local)} remote any nopmtudisc`;
  }
  const learning = device.learning ? 'learning' : 'nolearning';
  return (
    `ip link add ${device.name} address ${device.mac} mtu ${device.mtu} txqueuelen 0 type vxlan id ${device.vni} ` +
    `dev ${device.underlay} local ${formatIp(device.local)} dstport ${device.port} ${learning}${device.gbp ? ' gbp' : ''}`
  );
}

function nexthopReplace(entry: NexthopEntry): string {
  return `ip nexthop replace id ${entry.id} via ${formatIp(entry.gateway)} dev ${entry.device} onlink`;
}

/** What `ip route` takes after its verb. */
export function routeText(entry: RouteEntry): string {
  const destination = formatCidr(entry.destination);
  switch (entry.type) {
    case 'blackhole':
      return `blackhole ${destination}`;
    case 'link':
      return `${destination} dev ${entry.device}${entry.scope === 'link' ? ' scope link' : ''}`;
    case 'onlink':
    case 'gateway': {
      if (entry.nexthop !== undefined) return `${destination} nhid ${entry.nexthop}`;
      const via = `${destination} via ${formatIp(entry.gateway)} dev ${entry.device}`;
      return entry.type === 'onlink' ? `${via} onlink` : via;
    }
  }
}
