/** Reads the host's firewall for what objects to the fast path. */
import { type Run, runTool } from '#firewall/tool.ts';
import { type BaseChain, iptablesObjections, nftObjections } from './objections.ts';

/** Both variants by their own names; where there is neither, the one there is. */
const VARIANTS = ['iptables-nft-save', 'iptables-legacy-save'] as const;

/** A line for each; empty when nothing stands in the way. Throws a Fault `command.*` when a program does not end. */
export async function lookAtFirewall(run: Run): Promise<readonly string[]> {
  const [nft, ...variants] = await Promise.all([
    runTool(run, ['nft', '-j', 'list', 'chains'], 'list the chains of nftables'),
    ...VARIANTS.map((program) => runTool(run, [program], 'read the rules of the host')),
  ]);
  if (nft === undefined) return ['nft is not installed, so that it cannot be seen what the firewall does'];
  if (nft.code !== 0) return [`nft cannot list the firewall: ${nft.stderr.trim().slice(0, 200)}`];
  const chains = baseChains(nft.stdout);
  if (chains === undefined) return ['nft answers with something that is not understood'];
  const saves = variants.every((output) => output === undefined)
    ? [await runTool(run, ['iptables-save'], 'read the rules of the host')]
    : variants;
  // A variant that fails has no tables in this kernel; nft shows the tables of the other as well.
  const texts = saves.flatMap((output) => (output === undefined || output.code !== 0 ? [] : [output.stdout]));
  const isUnseen = texts.length === 0 && chains.some(({ family, table }) => family === 'ip' && table === 'filter');
  return [
    ...nftObjections(chains),
    ...texts.flatMap(iptablesObjections),
    ...(isUnseen ? ['iptables is not installed, so that its rules cannot be read'] : []),
  ];
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
