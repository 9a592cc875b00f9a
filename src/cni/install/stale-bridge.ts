/**
 * Bridges that kept the address of a former subnet, which the plugin `bridge` then refuses ("cni0 already has an IP address
 * different from …"), or that have none. Pure; what a host has is read by hosts/bridge.ts.
 */
import type { SubnetEnv } from '#cni/flannel/subnet-env.ts';
import type { Bridge as HostBridge } from '#hosts/bridge.ts';
import { cidrContains, formatCidr, parseCidr } from '#model/ip.ts';

/** What is judged of a bridge. */
export type Bridge = Pick<HostBridge, 'name' | 'addresses' | 'ports'>;

/** Why the bridge does not fit the subnet; undefined when it does. */
export function misfit(bridge: Bridge, env: SubnetEnv): string | undefined {
  const [v4, v6] = [gatewayOf(env.subnet), gatewayOf(env.ipv6Subnet)];
  const wanted = [v4, v6].filter((address) => address !== undefined);
  // An address of a family that the fabric does not have is somebody else's matter.
  const ours = bridge.addresses.filter((address) => (address.includes(':') ? v6 : v4) !== undefined);
  const wrong = ours.filter((address) => !wanted.includes(address));
  if (wrong.length > 0) return `it has ${wrong.join(', ')}, the subnet file wants ${wanted.join(', ')}`;
  return ours.length === 0 ? `it has no address, the subnet file wants ${wanted.join(', ')}` : undefined;
}

/** The same for docker's bridge, which is ours to judge only when docker took its address from the fabric. */
export function dockerMisfit(bridge: Bridge, env: SubnetEnv): string | undefined {
  const networks = [...env.networks, ...env.ipv6Networks]
    .map((text) => parseCidr(text))
    .filter((net) => net !== undefined);
  const fromFabric = bridge.addresses.some((text) => {
    const own = parseCidr(text);
    return own !== undefined && networks.some((network) => cidrContains(network, own.address));
  });
  return fromFabric ? misfit(bridge, env) : undefined;
}

/** The first usable address of a subnet, which the bridge has. */
function gatewayOf(subnet: string | undefined): string | undefined {
  const cidr = subnet === undefined ? undefined : parseCidr(subnet);
  if (cidr === undefined) return undefined;
  const { address, length } = cidr;
  return formatCidr({ address: typeof address === 'number' ? address + 1 : address + 1n, length });
}
