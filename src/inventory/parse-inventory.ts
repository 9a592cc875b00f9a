/** The way in: a YAML or JSON text becomes an Inventory, or everything that is wrong with it at once. Pure. */
import { parseNetworkConfig } from '#model/network-config.ts';
import { checkHosts } from './check/check-hosts.ts';
import { checkLoadBalancer } from './check/check-load-balancer.ts';
import { checkNetwork } from './check/check-network.ts';
import {
  checkCertificates,
  checkEtcd,
  checkKubernetes,
  checkPaths,
  checkSecrets,
  checkSources,
  checkSystem,
} from './check/check-sections.ts';
import { checkUnderlay } from './check/check-underlay.ts';
import { type Check, startChecking } from './check/checking.ts';
import { inventoryShape } from './document/inventory-shape.ts';
import { byPlace, type Finding, finding } from './finding.ts';
import type { Inventory } from './inventory.ts';
import { networkDocument } from './network-document.ts';
import { resolveInventory } from './resolve.ts';
import type { Path } from './source/node.ts';
import { readSource } from './source/read-source.ts';

export type ParsedInventory =
  | { readonly inventory: Inventory; readonly warnings: readonly Finding[] }
  | {
      /** At least one; by line. */
      readonly problems: readonly Finding[];
      readonly warnings: readonly Finding[];
    };

const CHECKS: readonly Check[] = [
  checkHosts,
  checkUnderlay,
  checkNetwork,
  checkEtcd,
  checkLoadBalancer,
  checkKubernetes,
  checkCertificates,
  checkSources,
  checkPaths,
  checkSystem,
  checkSecrets,
];

export function parseInventory(text: string): ParsedInventory {
  const source = readSource(text);
  const found: Finding[] = source.problems.map(({ place, what }) => finding('problem', [], place, what));
  if (source.root === undefined) return { problems: found.sort(byPlace), warnings: [] };
  const unsound: Path[] = [];
  const document = inventoryShape.read(source.root, [], (path, place, what, kind) => {
    if (kind !== 'surplus') unsound.push(path);
    found.push(finding('problem', path, place, what));
  });
  const checking = startChecking(document, source.root, unsound, found);
  for (const check of CHECKS) check(checking);
  found.sort(byPlace);
  const problems = found.filter(({ severity }) => severity === 'problem');
  const warnings = found.filter(({ severity }) => severity === 'warning');
  if (problems.length > 0) return { problems, warnings };
  const parsed = parseNetworkConfig(networkDocument(document.network));
  if ('problems' in parsed) throw new Error('the checks let a network pass that cannot be read');
  return { inventory: resolveInventory(document, parsed.config), warnings };
}
