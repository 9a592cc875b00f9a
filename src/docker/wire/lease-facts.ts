/** The lease of a host as docker is to have it, from the subnet file. Pure. */
import { subnetVariables } from '#docker/docker-options.ts';
import { parseIpv4Cidr } from '#model/cidr.ts';
import type { LeaseSettings } from './daemon-json.ts';

export interface LeaseFacts {
  /** The bridge's address: `172.30.71.1/24`. */
  readonly bip: string;
  readonly mtu: number;
  /** Whether the agent masquerades, so that docker shall not. */
  readonly masquerade: boolean;
}

/** Undefined when the text is no subnet file that docker could be told about. */
export function leaseFacts(subnetFile: string): LeaseFacts | undefined {
  const variables = subnetVariables(subnetFile, {});
  const bip = variables.get('FLANNEL_SUBNET') ?? '';
  const mtu = Number(variables.get('FLANNEL_MTU') ?? '');
  if (parseIpv4Cidr(bip) === undefined || !Number.isInteger(mtu) || mtu < 68) return undefined;
  return { bip, mtu, masquerade: variables.get('FLANNEL_IPMASQ') === 'true' };
}

/** The same as members of daemon.json. */
export function leaseAsSettings({ bip, mtu, masquerade }: LeaseFacts): LeaseSettings {
  return { bip, mtu, 'ip-masq': !masquerade };
}
