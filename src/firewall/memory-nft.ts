/**
 * MemoryNft: the tables of nftables in memory, as far as scripts of ours and `nft flush ruleset` go. It refuses what nft
 * refuses, as a whole, and prints as `nft list table` does.
 */
import { Fault } from '#runtime/fault.ts';
import { NFT_TABLES, type NftTable, nftTableText } from './nft-table.ts';
import { FAMILIES, type Family } from './prefix.ts';
import { readNftTable } from './read-nft-table.ts';

const RULE = /^[\w !=&./:-]+ (return|accept|drop|masquerade|masquerade fully-random)$/;

/** In the words of nft. */
export class NftRefusal extends Error {}

export class MemoryNft {
  #tables = new Map<Family, NftTable>();

  /** Applies the script as one transaction; throws NftRefusal, and then nothing is changed. */
  apply(script: string): void {
    const next = new Map(this.#tables);
    let rest = script;
    while (rest.trim() !== '') {
      const block = /^table (ip6? \S+) \{\n[\s\S]*?\n\}\n/.exec(rest);
      const line = block?.[0] ?? rest.slice(0, rest.indexOf('\n') + 1 || rest.length);
      if (block === null) command(next, line.trim());
      else put(next, block[1] ?? '', block[0]);
      rest = rest.slice(line.length);
    }
    this.#tables = next;
  }

  /** As `nft list table`; undefined when there is none. */
  list(family: Family): string | undefined {
    const table = this.#tables.get(family);
    return table === undefined ? undefined : nftTableText(family, table);
  }
}

function command(tables: Map<Family, NftTable>, line: string): void {
  if (line === 'flush ruleset') tables.clear();
  else {
    const [, verb, name = ''] = /^(add|delete) table (ip6? \S+)$/.exec(line) ?? [];
    const family = familyOf(name);
    if (verb === undefined || family === undefined) throw new NftRefusal(`Error: syntax error: ${line}`);
    if (verb === 'add') tables.set(family, tables.get(family) ?? { comment: undefined, chains: [], extra: [] });
    else if (!tables.delete(family)) throw new NftRefusal('Error: No such file or directory');
  }
}

/** A table that is there keeps what it has and gets the rest. */
function put(tables: Map<Family, NftTable>, name: string, text: string): void {
  const family = familyOf(name);
  const table = readBlock(text);
  if (family === undefined) throw new NftRefusal(`Error: no such table: ${name}`);
  const wrong = table.chains.flatMap(({ rules }) => rules).find((rule) => !RULE.test(rule));
  if (wrong !== undefined) throw new NftRefusal(`Error: syntax error: ${wrong}`);
  const present = tables.get(family);
  const merged = new Map((present?.chains ?? []).map((chain) => [chain.name, chain]));
  for (const chain of table.chains) {
    const old = merged.get(chain.name);
    merged.set(chain.name, old === undefined ? chain : { ...old, rules: [...old.rules, ...chain.rules] });
  }
  tables.set(family, {
    comment: present === undefined ? table.comment : present.comment,
    chains: [...merged.values()],
    extra: [...(present?.extra ?? []), ...table.extra],
  });
}

function readBlock(text: string): NftTable {
  try {
    return readNftTable(text, 'script');
  } catch (error) {
    if (error instanceof Fault) throw new NftRefusal(`Error: syntax error: ${error.summary}`);
    throw error;
  }
}

function familyOf(name: string): Family | undefined {
  return FAMILIES.find((family) => NFT_TABLES[family] === name);
}
