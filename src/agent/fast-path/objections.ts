/**
 * What stands in the host's firewall that packets on the fast path would pass by, and that could matter. Only what is known
 * to be without effect on Pod to Pod traffic is passed over: weft's and flannel's own rules, docker's and kube-proxy's. The rest
 * objects, whatever it is about: this is not the place to be clever. Pure.
 */
import { iptablesTarget, iptablesWords } from '#firewall/iptables-rules.ts';

/** What `nft -j list chains` says of a chain; only base chains have a hook. */
export interface BaseChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook: string;
}

/** Chains that begin like this belong to an agent of network policies, with its name. */
const POLICY_AGENTS: readonly (readonly [prefix: string, agent: string])[] = [
  ['cali-', 'Calico'],
  ['CILIUM_', 'Cilium'],
  ['KUBE-ROUTER', 'kube-router'],
  ['KUBE-NWPLCY', 'kube-router'],
  ['KUBE-POD-FW', 'kube-router'],
  ['WEAVE-NPC', 'Weave Net'],
  ['ANTREA', 'Antrea'],
];
/**
 * Chains whose rules are about something else: services (their connections are tracked, which the fast path leaves alone),
 * other bridges of docker, published ports, and our own.
 */
const HARMLESS = /^(FLANNEL-|KUBE-(?!NWPLCY|ROUTER|POD-FW)|DOCKER-ISOLATION-|CNI-(HOSTPORT|DN)-)/;
/** Jumps to these are followed: their rules are looked at one by one. */
const FOLLOWED = new Set([
  'DOCKER',
  'DOCKER-USER',
  'DOCKER-FORWARD',
  'DOCKER-BRIDGE',
  'DOCKER-CT',
  'CNI-FORWARD',
  'CNI-ADMIN',
]);
const WITHOUT_EFFECT = new Set(['ACCEPT', 'RETURN']);
/** Built-in chains that forwarded packets pass. */
const HOOKS: Readonly<Record<string, readonly string[]>> = {
  raw: ['PREROUTING'],
  mangle: ['PREROUTING', 'FORWARD', 'POSTROUTING'],
  nat: ['PREROUTING', 'POSTROUTING'],
  filter: ['FORWARD'],
  security: ['FORWARD'],
};
const NFT_HOOKS = new Set(['prerouting', 'forward', 'postrouting', 'ingress', 'egress']);
/** Tables of nftables that are looked at as iptables, or are without effect here. */
const IPTABLES_TABLES = new Set(Object.keys(HOOKS));
const HARMLESS_TABLES = new Set(['flannel-ipv4', 'flannel-ipv6', 'kube-proxy']);

interface Chain {
  readonly policy: string;
  readonly rules: string[];
}

/** From the output of one `iptables-save`; a line each, empty when there is nothing. */
export function iptablesObjections(text: string): readonly string[] {
  const incompatible = /^# Table `(\w+)' is incompatible/m.exec(text)?.[1];
  if (incompatible !== undefined) return [`iptables cannot show its table ${incompatible}`];
  const objections: string[] = [];
  for (const [table, chains] of readTables(text)) {
    const agent = policyAgent(chains);
    if (agent !== undefined) objections.push(`network policies are in force (${agent})`);
    for (const hook of HOOKS[table] ?? []) objections.push(...chainObjections(table, hook, chains, new Set()));
    const forward = table === 'filter' ? chains.get('FORWARD') : undefined;
    if (
      forward !== undefined &&
      forward.policy !== 'ACCEPT' &&
      !forward.rules.some((rule) => targetOf(rule) === 'FLANNEL-FWD')
    ) {
      objections.push(`the policy of FORWARD is ${forward.policy}, and no rule of ours accepts what Pods send`);
    }
  }
  return [...new Set(objections)];
}

/** From the base chains of nftables. */
export function nftObjections(chains: readonly BaseChain[]): readonly string[] {
  return chains
    .filter((chain) => {
      const { family, table, hook } = chain;
      if (!NFT_HOOKS.has(hook) || family === 'ip6' || family === 'arp') return false;
      return !HARMLESS_TABLES.has(table) && !isIptablesTable(chain);
    })
    .map(
      ({ family, table, name, hook }) =>
        `nftables has the chain ${name} of table ${family} ${table} at the ${hook} hook`,
    );
}

/** Whether a chain is one that iptables-nft-save shows. */
export function isIptablesTable({ family, table }: BaseChain): boolean {
  return family === 'ip' && IPTABLES_TABLES.has(table);
}

function chainObjections(
  table: string,
  name: string,
  chains: ReadonlyMap<string, Chain>,
  seen: Set<string>,
): readonly string[] {
  if (seen.has(name)) return [];
  seen.add(name);
  return (chains.get(name)?.rules ?? []).flatMap((rule) => {
    const target = targetOf(rule);
    if (target !== undefined && (WITHOUT_EFFECT.has(target) || HARMLESS.test(target))) return [];
    if (target !== undefined && FOLLOWED.has(target)) return chainObjections(table, target, chains, seen);
    // What docker does for its published ports is translated, so tracked.
    if (table === 'nat' && name === 'DOCKER') return [];
    return [`${table} ${name} has the rule ${rule.slice(0, 160)}`];
  });
}

function targetOf(rule: string): string | undefined {
  return iptablesTarget(iptablesWords(rule));
}

function policyAgent(chains: ReadonlyMap<string, Chain>): string | undefined {
  for (const [prefix, agent] of POLICY_AGENTS) {
    for (const name of chains.keys()) if (name.startsWith(prefix)) return agent;
  }
  return undefined;
}

/** Only chains that are looked at keep their rules: a large kube-proxy has tens of thousands. */
function readTables(text: string): ReadonlyMap<string, ReadonlyMap<string, Chain>> {
  const tables = new Map<string, Map<string, Chain>>();
  let chains = new Map<string, Chain>();
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      chains = new Map();
      tables.set(line.slice(1).trim(), chains);
    } else if (line.startsWith(':')) {
      const [name = '', policy = '-'] = line.slice(1).split(' ');
      chains.set(name, { policy, rules: [] });
    } else if (line.startsWith('-A ')) {
      const end = line.indexOf(' ', 3);
      const name = line.slice(3, end);
      if (!HARMLESS.test(name)) chains.get(name)?.rules.push(line.slice(end + 1).trimEnd());
    }
  }
  return tables;
}
