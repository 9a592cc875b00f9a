/** Sets up and takes down the traffic rules of containers: what is there is read first, and each change is one transaction. */
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import { type Cidr, FAMILIES, type Family, familyOf } from '#model/ip.ts';
import type { Owner } from './address-folder.ts';
import type { AttachmentPlan } from './attachment-config.ts';
import { type ContainerRules, hasRules, removalText, rulesText } from './container-rules.ts';
import type { Network } from './network.ts';

export interface RulesRequest extends Owner {
  readonly plan: Pick<AttachmentPlan, 'masquerade' | 'portMappings'>;
  readonly addresses: readonly Cidr[];
}

/** One change at a time: it is read, decided and written, and iptables would only wait for its own lock. */
let queue: Promise<unknown> = Promise.resolve();

/** Whether there are any. `device` is where the container's packets come from. Throws CniError 999. */
export async function setRules(network: Network, request: RulesRequest, device: string): Promise<boolean> {
  const { plan, addresses } = request;
  if (!plan.masquerade && plan.portMappings.length === 0) return false;
  await inTurn(async () => {
    for (const address of addresses) {
      const family = familyOf(address.address);
      const text = rulesText(rulesOf(network, request, address), await network.host.savedRules(family));
      if (text !== undefined) await network.host.restoreRules(family, text);
    }
  });
  // So that the host's own 127.0.0.1 reaches a mapped port.
  if (plan.portMappings.length > 0 && addresses.some(({ address }) => typeof address === 'number')) {
    network.host.mustSet(`net/ipv4/conf/${device}/route_localnet`, '1');
  }
  return true;
}

/** Removes whatever there is of this container, in both families. */
export function removeRules({ name, host }: Network, { containerId }: Owner): Promise<void> {
  return inTurn(async () => {
    for (const family of FAMILIES) {
      const text = removalText({ network: name, containerId }, await host.savedRules(family));
      if (text !== undefined) await host.restoreRules(family, text);
    }
  });
}

/** Throws CniError 101 when a rule is missing. */
export async function checkRules(network: Network, request: RulesRequest): Promise<void> {
  const { plan, addresses, containerId } = request;
  if (!plan.masquerade && plan.portMappings.length === 0) return;
  for (const address of addresses) {
    const family: Family = familyOf(address.address);
    if (hasRules(rulesOf(network, request, address), await network.host.savedRules(family))) continue;
    throw new CniError(
      CNI_CODES.checkFailed,
      `traffic rules of container ${containerId} are missing`,
      `table nat of ${family}`,
    );
  }
}

function rulesOf({ name }: Network, { containerId, plan }: RulesRequest, address: Cidr): ContainerRules {
  const { masquerade, portMappings } = plan;
  return { network: name, containerId, address, masquerade, portMappings };
}

function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const done = queue.then(work);
  queue = done.catch(() => undefined);
  return done;
}
