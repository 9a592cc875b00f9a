/** Reads the host's firewall for what objects to the fast path. What cannot be read objects too. */
import { type Run, runTool } from '#firewall/tool.ts';
import type { CommandOutput } from '#runtime/command.ts';
import { type BaseChain, iptablesObjections, isIptablesTable, nftObjections } from './objections.ts';

/** Names the tables that iptables-legacy has in this network namespace, one a line. */
const LEGACY_TABLES = '/proc/net/ip_tables_names';

/** A line for each; empty when nothing stands in the way. Throws a Fault `command.*` when a program does not end. */
export async function lookAtFirewall(run: Run): Promise<readonly string[]> {
  const [nft, named, legacy, legacyTables] = await Promise.all([
    runTool(run, ['nft', '-j', 'list', 'chains'], 'list the chains of nftables'),
    runTool(run, ['iptables-nft-save'], 'read the rules of the host'),
    runTool(run, ['iptables-legacy-save'], 'read the rules of the host'),
    runTool(run, ['cat', LEGACY_TABLES], 'see whether iptables-legacy has rules'),
  ]);
  if (nft === undefined) return ['nft is not installed, so that it cannot be seen what the firewall does'];
  if (nft.code !== 0) return [`nft cannot list the firewall: ${nft.stderr.trim().slice(0, 200)}`];
  const chains = baseChains(nft.stdout);
  if (chains === undefined) return ['nft answers with something that is not understood'];
  const unnamed =
    named === undefined && legacy === undefined
      ? await runTool(run, ['iptables-save'], 'read the rules of the host')
      : undefined;
  const texts = [named, legacy, unnamed].flatMap(textOf);
  const isNftUnseen = textOf(named ?? unnamed).length === 0 && chains.some(isIptablesTable);
  const isLegacyUnseen =
    textOf(legacy ?? unnamed).length === 0 && textOf(legacyTables).some((text) => text.trim() !== '');
  return [
    ...nftObjections(chains),
    ...texts.flatMap(iptablesObjections),
    ...(isNftUnseen || isLegacyUnseen ? ['there are rules of iptables, and no iptables-save that can read them'] : []),
  ];
}

/** A variant that fails has no tables in this kernel, or is broken: then its tables show otherwise. */
function textOf(output: CommandOutput | undefined): readonly string[] {
  return output === undefined || output.code !== 0 ? [] : [output.stdout];
}

/** Undefined when the text is not what nft prints. */
function baseChains(text: string): readonly BaseChain[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const entries = memberOf(parsed, 'nftables');
  if (!Array.isArray(entries)) return undefined;
  return entries.flatMap((entry: unknown) => {
    const chain = memberOf(entry, 'chain');
    const [family, table, name, hook] = ['family', 'table', 'name', 'hook'].map((key) => memberOf(chain, key));
    const isBase = [family, table, name, hook].every((value) => typeof value === 'string');
    return isBase ? [{ family: String(family), table: String(table), name: String(name), hook: String(hook) }] : [];
  });
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}
