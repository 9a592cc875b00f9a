/**
 * ADD: a container gets its address, its cable and its rules, and the result says so. Whatever fails on the way, what was
 * made is taken down again; a crash leaves a record by which it can be. Between its steps other work has its turn.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import type { CniRequest } from '#cni/protocol/request.ts';
import { type CniResult, type CniRoute, resultObject } from '#cni/protocol/result.ts';
import { type Cidr, familyOf, formatCidr, formatIp, type Ip } from '#model/ip.ts';
import type { Mac } from '#model/mac.ts';
import { getPort } from '#netlink/veth.ts';
import type { Candidate } from './address-range.ts';
import type { AttachmentPlan } from './attachment-config.ts';
import type { AttachmentRecord } from './attachment-record.ts';
import { furnish, randomVethName, unplug } from './cable.ts';
import { setRules } from './container-firewall.ts';
import { ContainerNamespace } from './container-namespace.ts';
import { detachAll } from './detach.ts';
import { connect } from './host-end.ts';
import type { Network } from './network.ts';
import { readStaticAddressing } from './static-addressing.ts';
import { takeAddresses } from './take-addresses.ts';

/** The result as JSON has it. Throws CniError. */
export async function attach(network: Network, request: CniRequest, plan: AttachmentPlan): Promise<object> {
  const { containerId, ifname, netns } = request;
  const { addresses: asked, mac } = readStaticAddressing(request);
  const container = ContainerNamespace.open(netns);
  if (container === undefined) {
    const details = 'the container is gone; nothing was set up';
    throw new CniError(CNI_CODES.unknownContainer, `CNI_NETNS: there is no network namespace at ${netns}`, details);
  }
  try {
    if (container.identity === network.host.identity) {
      throw new CniError(CNI_CODES.invalidEnvironment, `CNI_NETNS: ${netns} is the namespace of the host itself`);
    }
    const { identity: namespace } = container;
    const rules = plan.masquerade || plan.portMappings.length > 0;
    const begun = {
      containerId,
      ifname,
      netns,
      namespace,
      veth: randomVethName(),
      addresses: undefined,
      rules,
      result: '',
    };
    if (!network.records.begin(begun)) throw alreadyAttached(containerId, ifname);
    const taken: Candidate[] = [];
    try {
      await takeAddresses(network, { rangeSets: plan.rangeSets, asked }, begun, taken);
      return await make(network, request, { plan, container, taken, mac }, begun);
    } catch (error) {
      await undo(network, container, begun, taken);
      throw error;
    }
  } finally {
    container.close();
  }
}

interface Making {
  readonly plan: AttachmentPlan;
  readonly container: ContainerNamespace;
  readonly taken: readonly Candidate[];
  /** That the runtime asks for. */
  readonly mac: Mac | undefined;
}

async function make(
  network: Network,
  request: CniRequest,
  { plan, container, taken, mac }: Making,
  record: AttachmentRecord,
): Promise<object> {
  const { host } = network;
  const { ifname } = record;
  const addresses = taken.map(({ address, range }) => ({ address, length: range.subnet.length }));
  const routes = containerRoutes(plan, taken);
  await turn();
  const end = connect(host, container, { plan, veth: record.veth, ifname, mac, taken });
  await turn();
  const gateways = plan.mode === 'ptp' ? taken.map(({ range }) => range.gateway) : [];
  furnish(container, { ifname, addresses, routes: routes.kernel, gateways });
  const rules = await setRules(network, { ...record, plan, addresses }, end.device);
  const result: CniResult = {
    interfaces: [...end.interfaces, { name: ifname, mac: end.inside, sandbox: record.netns }],
    ips: taken.map((each, index) => ({
      interface: end.interfaces.length,
      address: formatCidr(addresses[index] ?? each.range.subnet),
      gateway: formatIp(each.range.gateway),
    })),
    routes: routes.result,
    dns: plan.dns,
  };
  const answer = resultObject(result, request.version);
  network.records.complete({
    ...record,
    addresses: taken.map(({ address }) => address),
    rules,
    result: JSON.stringify(answer),
  });
  return answer;
}

interface Routes {
  readonly kernel: readonly { readonly destination: Cidr; readonly gateway: Ip }[];
  readonly result: readonly CniRoute[];
}

/** Those of the configuration, and a default route for each family that has none yet. */
function containerRoutes({ routes, isDefaultGateway, mode }: AttachmentPlan, taken: readonly Candidate[]): Routes {
  const gatewayFor = (destination: Cidr): Ip | undefined =>
    taken.find(({ address }) => familyOf(address) === familyOf(destination.address))?.range.gateway;
  const kernel = routes.flatMap(({ destination, gateway = gatewayFor(destination) }) =>
    gateway === undefined ? [] : { destination, gateway },
  );
  const defaults = taken.flatMap(({ address, range: { gateway } }) => {
    const destination: Cidr = { address: typeof address === 'number' ? 0 : 0n, length: 0 };
    const given = routes.some(
      (route) =>
        (route.gateway !== undefined || mode === 'ptp') &&
        route.destination.length === 0 &&
        route.destination.address === destination.address,
    );
    return isDefaultGateway && !given ? { destination, gateway } : [];
  });
  return {
    kernel: [...kernel, ...defaults],
    result: [
      ...routes.map(({ written }) => written),
      ...defaults.map(({ destination, gateway }) => ({ dst: formatCidr(destination), gw: formatIp(gateway) })),
    ],
  };
}

/** Never hides the error that led here: what cannot be taken down stays on record, and DEL comes by again. */
async function undo(
  network: Network,
  { socket }: ContainerNamespace,
  record: AttachmentRecord,
  taken: readonly Candidate[],
): Promise<void> {
  try {
    await unplug(network.host, record.veth);
    // An interface that is there now is another plugin's, with an address that the same container had before.
    const foreign = getPort(socket, record.ifname) !== undefined;
    const addresses = foreign ? taken.map(({ address }) => address) : undefined;
    await detachAll(network, { ...record, addresses }, '');
  } catch {
    // The runtime calls DEL after an ADD that failed.
  }
}

function alreadyAttached(containerId: string, ifname: string): CniError {
  return new CniError(
    CNI_CODES.internal,
    `container ${containerId} has interface ${ifname} already, duplicate allocation is not allowed`,
    'an ADD came before and no DEL since',
  );
}
