/**
 * MemoryXtables: one variant of iptables in one family, in memory. It takes the input of `iptables-restore --noflush`, refuses
 * what iptables refuses, and prints as `iptables-save` and `iptables -S` do.
 */
import { iptablesTarget, iptablesWords } from './iptables-rules.ts';

interface Chain {
  /** Undefined for a chain that somebody made. */
  policy: string | undefined;
  rules: string[];
}

type Table = Map<string, Chain>;

const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
};
const VERDICTS = new Set(['ACCEPT', 'DROP', 'RETURN', 'REJECT', 'MASQUERADE', 'MARK']);

/** In the words of iptables-restore. */
export class XtablesRefusal extends Error {}

export class MemoryXtables {
  #tables = new Map<string, Table>();

  /** Applies the input table by table; throws XtablesRefusal at the first that has a mistake, which then is unchanged. */
  restore(text: string): void {
    let open: { readonly name: string; readonly table: Table } | undefined;
    for (const [index, line] of text.split('\n').entries()) {
      if (line === '' || line.startsWith('#')) continue;
      if (line.startsWith('*')) open = this.#begin(line.slice(1), index + 1);
      else if (open === undefined) throw new XtablesRefusal(`line ${index + 1} failed: no table`);
      else if (line === 'COMMIT') {
        this.#tables.set(open.name, open.table);
        open = undefined;
      } else if (!change(open.name, open.table, line)) throw new XtablesRefusal(`line ${index + 1} failed: ${line}`);
    }
    if (open !== undefined) throw new XtablesRefusal('COMMIT expected');
  }

  /** As `iptables-save`, without the comment lines and with counters at zero. */
  save(): string {
    const names = [...this.#tables.keys()].sort();
    return names.map((name) => [`*${name}`, ...this.#lines(name, saveChain), 'COMMIT', ''].join('\n')).join('');
  }

  /** As `iptables -t TABLE -S`. */
  list(name: string): string {
    return this.#lines(name, listChain)
      .map((line) => `${line}\n`)
      .join('');
  }

  #begin(name: string, line: number): { readonly name: string; readonly table: Table } {
    const builtIn = BUILT_IN[name];
    if (builtIn === undefined) throw new XtablesRefusal(`line ${line} failed: no table ${name}`);
    const present = this.#tables.get(name);
    const fresh = builtIn.map((chain): [string, Chain] => [chain, { policy: 'ACCEPT', rules: [] }]);
    const copy = [...(present ?? fresh)].map(([chain, { policy, rules }]): [string, Chain] => [
      chain,
      { policy, rules: [...rules] },
    ]);
    return { name, table: new Map(copy) };
  }

  #lines(name: string, head: (chain: string, policy: string | undefined) => string): readonly string[] {
    const chains = [...(this.#tables.get(name) ?? [])];
    return [
      ...chains.map(([chain, { policy }]) => head(chain, policy)),
      ...chains.flatMap(([chain, { rules }]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    ];
  }
}

function saveChain(chain: string, policy: string | undefined): string {
  return `:${chain} ${policy ?? '-'} [0:0]`;
}

function listChain(chain: string, policy: string | undefined): string {
  return policy === undefined ? `-N ${chain}` : `-P ${chain} ${policy}`;
}

/** Whether the line could be done. */
function change(name: string, table: Table, line: string): boolean {
  if (line.startsWith(':')) return declare(table, line);
  const [, verb = '', chainName = '', rule = ''] = /^-([ADIFX]) (\S+) ?(.*)$/.exec(line) ?? [];
  const chain = table.get(chainName);
  if (chain === undefined) return false;
  switch (verb) {
    case 'A':
    case 'I':
      if (!isGoodRule(name, table, rule)) return false;
      if (verb === 'A') chain.rules.push(rule);
      else chain.rules.unshift(rule);
      return true;
    case 'D': {
      const at = chain.rules.indexOf(rule);
      if (at >= 0) chain.rules.splice(at, 1);
      return at >= 0;
    }
    case 'F':
      chain.rules = [];
      return true;
    default:
      if (chain.policy !== undefined || chain.rules.length > 0 || isReferenced(table, chainName)) return false;
      return table.delete(chainName);
  }
}

/** A chain of the user's that is declared again is emptied; a built-in one gets its policy. */
function declare(table: Table, line: string): boolean {
  const [name = '', policy = ''] = line.slice(1).split(' ');
  const present = table.get(name);
  if (present?.policy === undefined) {
    table.set(name, { policy: undefined, rules: [] });
    return policy === '-';
  }
  if (policy !== '-') present.policy = policy;
  return true;
}

function isGoodRule(name: string, table: Table, rule: string): boolean {
  const target = iptablesTarget(iptablesWords(rule));
  if (target === undefined || target === 'MASQUERADE') return target === undefined || name === 'nat';
  return VERDICTS.has(target) || (table.get(target)?.policy === undefined) === table.has(target);
}

function isReferenced(table: Table, chain: string): boolean {
  return [...table.values()].some(({ rules }) => rules.some((rule) => iptablesTarget(iptablesWords(rule)) === chain));
}
