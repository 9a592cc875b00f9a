/** Hosts are where the inventory says that hosts are. */
import { cidrContains, cidrsOverlap, formatCidr, formatIp } from '#model/ip.ts';
import type { Check } from './checking.ts';

export const checkUnderlay: Check = ({ document, problem, sound }) => {
  const { underlay } = document.network;
  if (underlay.length === 0 || !sound('network', 'underlay')) return;
  document.hosts.forEach((host, index) => {
    for (const key of ['address', 'secondAddress'] as const) {
      const address = host[key];
      if (address === undefined || !sound('hosts', index, key)) continue;
      if (!underlay.some((network) => cidrContains(network, address)))
        problem(
          ['hosts', index, key],
          `${formatIp(address)} is in none of network.underlay: ${underlay.map(formatCidr).join(', ')}`,
        );
    }
  });
  const { serviceCidr } = document.kubernetes;
  if (!sound('kubernetes', 'serviceCidr')) return;
  for (const network of underlay) {
    if (cidrsOverlap(network, serviceCidr))
      problem(['kubernetes', 'serviceCidr'], `${formatCidr(serviceCidr)} overlaps the hosts' ${formatCidr(network)}`);
  }
};
