/** Runs `nft`: lists our table, asks what the host supports, applies a script. */
import { Fault } from '#runtime/fault.ts';
import { NFT_TABLES } from './nft-table.ts';
import type { ObservedNft } from './observed.ts';
import type { Family } from './prefix.ts';
import { readNftTable } from './read-nft-table.ts';
import { missingTool, type Run, refusedByTool, runTool } from './tool.ts';

export interface NftTool {
  readonly supportsFullyRandom: boolean;
}

/** The first release whose texts are those that flannel compares. */
const LEAST = [1, 0, 1] as const;
const PROBE = [
  'add table ip weft-probe',
  'add chain ip weft-probe probe { type nat hook postrouting priority 100; }',
  'add rule ip weft-probe probe masquerade fully-random',
].join('\n');

/** Undefined when nft is not installed; Fault `firewall.too-old` when it is older than 1.0.1. */
export async function surveyNft(run: Run): Promise<NftTool | undefined> {
  const argv = ['nft', '--version'];
  const [version, probe] = await Promise.all([
    runTool(run, argv, 'ask nft for its version'),
    runTool(run, ['nft', '--check', '--', PROBE], 'ask whether random source ports are supported'),
  ]);
  if (version === undefined) return undefined;
  requireVersion(version.stdout);
  return { supportsFullyRandom: probe?.code === 0 };
}

/** Our table of one family: one process. Undefined when nft is not installed. */
export async function listNft(
  run: Run,
  family: Family,
  supportsFullyRandom: boolean,
): Promise<ObservedNft | undefined> {
  const argv = ['nft', 'list', 'table', ...NFT_TABLES[family].split(' ')];
  const output = await runTool(run, argv, 'read the nftables rules');
  if (output === undefined) return undefined;
  if (output.code === 0) return { family, supportsFullyRandom, table: readNftTable(output.stdout, argv.join(' ')) };
  if (/No such file or directory/.test(output.stderr)) return { family, supportsFullyRandom, table: undefined };
  throw refusedByTool(argv, output, 'the nftables rules cannot be read');
}

/**
 * Applies the script as one transaction. It goes as an argument, because `nft -f -` cannot read the socket that Node gives as
 * standard input, and a file would need a place that can be written.
 */
export async function applyNft(run: Run, script: string): Promise<void> {
  const output = await runTool(run, ['nft', '--', script], 'write the nftables rules');
  if (output === undefined) throw missingTool('nft');
  if (output.code !== 0) throw refusedByTool(['nft', '--', '(script)'], output, 'nft refused the rules');
}

function requireVersion(text: string): void {
  const match = /v(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  if (match === null)
    throw new Fault('firewall.output', { what: `nft does not say its version: ${text.trim().slice(0, 120)}` });
  const numbers = match.slice(1).map((number = '0') => Number(number));
  for (const [at, least] of LEAST.entries()) {
    const number = numbers[at] ?? 0;
    if (number > least) return;
    if (number < least)
      throw new Fault('firewall.too-old', { what: `nft is release ${match[0]}`, why: 'at least v1.0.1 is needed' });
  }
}
