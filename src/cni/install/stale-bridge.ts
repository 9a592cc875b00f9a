/**
 * Bridges that kept the address of a former subnet, which the plugin `bridge` then refuses ("cni0 already has an IP address
 * different from …"), or that have none. Judged here (pure), looked at and deleted by `ip`.
 */
import type { SubnetEnv } from '#cni/flannel/subnet-env.ts';
import { cidrContains, formatCidr, parseCidr } from '#model/ip.ts';
import { mustRun, runCommand } from '#runtime/command.ts';

export interface Bridge {
  readonly name: string;
  /** Global ones, with prefix length. */
  readonly addresses: readonly string[];
  /** Devices attached to it. */
  readonly ports: readonly string[];
}

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

/** The bridge of that name in the current network namespace; undefined when there is none. */
export async function lookAtBridge(name: string): Promise<Bridge | undefined> {
  const shown = await runCommand({ argv: ['ip', '-j', 'address', 'show', 'dev', name], why: `look at ${name}` });
  if (shown.code !== 0) return undefined;
  const ports = await mustRun({ argv: ['ip', '-j', 'link', 'show', 'master', name], why: `list the ports of ${name}` });
  const devices: readonly IpDevice[] = JSON.parse(shown.stdout);
  const addresses = devices.flatMap(({ addr_info = [] }) =>
    addr_info.filter(({ scope }) => scope === 'global').map(({ local, prefixlen }) => `${local}/${prefixlen}`),
  );
  const attached: readonly IpDevice[] = JSON.parse(ports.stdout);
  return { name, addresses, ports: attached.map(({ ifname }) => ifname) };
}

export async function deleteBridge(name: string): Promise<void> {
  await mustRun({ argv: ['ip', 'link', 'delete', name, 'type', 'bridge'], why: `delete the bridge ${name}` });
}

/** What `ip -j` prints of a device, as far as it is read here. */
interface IpDevice {
  readonly ifname: string;
  readonly addr_info?: readonly { readonly scope: string; readonly local: string; readonly prefixlen: number }[];
}

/** The first usable address of a subnet, which the bridge has. */
function gatewayOf(subnet: string | undefined): string | undefined {
  const cidr = subnet === undefined ? undefined : parseCidr(subnet);
  if (cidr === undefined) return undefined;
  const { address, length } = cidr;
  return formatCidr({ address: typeof address === 'number' ? address + 1 : address + 1n, length });
}
