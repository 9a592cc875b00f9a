/**
 * The host's end of a container's cable, by the network's mode: plugged into a bridge that has the gateway's address, as the
 * plugin bridge has it, or with that address itself and a route to the container, as the plugin ptp has it.
 */
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import type { CniInterface } from '#cni/protocol/result.ts';
import { addressBits, type Cidr } from '#model/ip.ts';
import type { Mac } from '#model/mac.ts';
import { encodeAddressAdd, encodeContainerAddressAdd } from '#netlink/address.ts';
import { addQuietLink } from '#netlink/quiet-links.ts';
import { encodeRouteAdd, RT_SCOPE_HOST } from '#netlink/route.ts';
import { getPort } from '#netlink/veth.ts';
import type { MessageWriter } from '#netlink/writer.ts';
import type { Candidate } from './address-range.ts';
import { applyAll } from './apply-all.ts';
import type { AttachmentPlan } from './attachment-config.ts';
import { plugIn } from './cable.ts';
import type { ContainerNamespace } from './container-namespace.ts';
import { addGateways, ensureBridge } from './ensure-bridge.ts';
import { type HostSide, trySet } from './host-side.ts';

export interface Connecting {
  readonly plan: AttachmentPlan;
  /** Name of the cable's end on the host. */
  readonly veth: string;
  readonly ifname: string;
  /** Of the container's end; undefined: any. */
  readonly mac: Mac | undefined;
  readonly taken: readonly Candidate[];
}

export interface Connected {
  /** Those of the host, as the result lists them. */
  readonly interfaces: readonly CniInterface[];
  /** By which the container's packets come to the host. */
  readonly device: string;
  /** MAC of the container's end. */
  readonly inside: Mac;
}

/** Synchronous. Throws CniError 999. */
export function connect(host: HostSide, container: ContainerNamespace, wanted: Connecting): Connected {
  return wanted.plan.mode === 'ptp'
    ? connectDirectly(host, container, wanted)
    : connectByBridge(host, container, wanted);
}

function connectByBridge(host: HostSide, container: ContainerNamespace, wanted: Connecting): Connected {
  const { plan, taken, veth } = wanted;
  const gateways = plan.isGateway
    ? taken.map(({ range }): Cidr => ({ address: range.gateway, length: range.subnet.length }))
    : [];
  const bridge = ensureBridge(host, { name: plan.bridge, mtu: plan.mtu });
  forward(host, gateways);
  const port = { bridgeIndex: bridge.index, hairpin: plan.hairpin };
  const macs = plugIn(host, container, { ...wanted, mtu: plan.mtu, port });
  addGateways(host, bridge, gateways);
  return {
    interfaces: [
      { name: plan.bridge, mac: bridge.mac },
      { name: veth, mac: macs.outside },
    ],
    device: plan.bridge,
    inside: macs.inside,
  };
}

function connectDirectly(host: HostSide, container: ContainerNamespace, wanted: Connecting): Connected {
  const { plan, taken, veth } = wanted;
  const gateways = taken.map(({ range: { gateway } }) => alone(gateway));
  forward(host, gateways);
  const macs = plugIn(host, container, { ...wanted, mtu: plan.mtu, port: undefined });
  const end = getPort(host.socket, veth);
  if (end === undefined)
    throw new CniError(CNI_CODES.internal, `failed to lookup "${veth}"`, 'it was deleted meanwhile');
  // No reason for the agent to look at all that it has set up itself.
  addQuietLink(host.namespace, end.index);
  // Until the kernel trusts its own address of this link it forwards no IPv6 to the container; that takes it two seconds.
  host.within(() => trySet(`net/ipv6/conf/${veth}/accept_dad`, '0'));
  const requests = [
    ...gateways.map((gateway) => (writer: MessageWriter) => {
      const encode = typeof gateway.address === 'number' ? encodeContainerAddressAdd : encodeAddressAdd;
      encode(writer, end.index, gateway);
    }),
    ...taken.map(({ address }) => (writer: MessageWriter) => {
      encodeRouteAdd(writer, end.index, { destination: alone(address), scope: RT_SCOPE_HOST });
    }),
  ];
  applyAll(host.socket, requests, `failed to route to the container by "${veth}"`);
  return { interfaces: [{ name: veth, mac: macs.outside }], device: veth, inside: macs.inside };
}

function forward(host: HostSide, gateways: readonly Cidr[]): void {
  for (const { address } of gateways) {
    if (typeof address === 'number') host.mustSet('net/ipv4/ip_forward', '1');
    else host.mustSet('net/ipv6/conf/all/forwarding', '1');
  }
}

function alone(address: Cidr['address']): Cidr {
  return { address, length: addressBits(address) };
}
