/** What the firewall is to do for the fabric, from what the core knows; undefined before there is a lease. Pure. */
import type { DesiredFirewall, Fabric } from '#firewall/desired.ts';
import { ipv4Prefix, ipv6Prefix } from '#firewall/prefix.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import type { CoreState } from './state.ts';

export function desiredFirewall({ settings, network, own }: CoreState): DesiredFirewall | undefined {
  if (network === undefined || own === undefined) return undefined;
  const { masquerade, forward, fullyRandom, compatNft } = settings.traffic;
  return {
    mode: network.config.enableNftables ? 'nftables' : 'iptables',
    fabrics: fabricsOf(network.config, own.subnet),
    masquerade,
    forward,
    fullyRandom,
    compatNft,
    former: settings.former,
  };
}

function fabricsOf(config: NetworkConfig, { ipv4, ipv6 }: SubnetKey): readonly Fabric[] {
  const fabrics: Fabric[] = [];
  if (config.ipv4 && ipv4) fabrics.push({ network: ipv4Prefix(config.ipv4.network), subnet: ipv4Prefix(ipv4) });
  if (config.ipv6 && ipv6) fabrics.push({ network: ipv6Prefix(config.ipv6.network), subnet: ipv6Prefix(ipv6) });
  return fabrics;
}
