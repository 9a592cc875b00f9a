/**
 * Which iptables a host works with. There are two variants, on nftables and with tables of their own; `iptables` is one of
 * them, the other may be in use all the same, and rules belong where those of kube-proxy and docker are: an accept in one
 * variant does not overrule a drop in the other.
 */
import { Fault } from '#runtime/fault.ts';
import { IPTABLES_VARIANTS, type IptablesVariant, type ObservedIptables, type OthersRules } from './observed.ts';
import type { Family } from './prefix.ts';
import { readIptablesSave, type SavedRules } from './read-iptables-save.ts';
import { missingTool, type Run, refusedByTool, runTool } from './tool.ts';

export interface IptablesVersion {
  readonly variant: IptablesVariant;
  /** Major, minor, patch. */
  readonly numbers: readonly [number, number, number];
}

/** One variant in one family, with the programs that serve it. */
export interface IptablesTool {
  readonly family: Family;
  readonly variant: IptablesVariant;
  readonly save: string;
  readonly restore: string;
  /** `--random-fully` and `iptables-restore --wait` came with 1.6.2. */
  readonly modern: boolean;
}

export interface IptablesSurvey {
  /** The tool of the variant that our rules belong to; undefined when the host has no iptables. */
  readonly live: IptablesTool | undefined;
  /** Of every variant that was read. */
  readonly tools: readonly IptablesTool[];
  readonly observed: readonly ObservedIptables[];
}

/** First release that knows `--random-fully`, and `--wait` for iptables-restore. */
const MODERN = [1, 6, 2] as const;
const BASE: Readonly<Record<Family, string>> = { ipv4: 'iptables', ipv6: 'ip6tables' };

/** Reads all that there is of iptables in one family: three processes at once. */
export async function surveyIptables(run: Run, family: Family): Promise<IptablesSurvey> {
  const base = BASE[family];
  const [version, ...named] = await Promise.all([
    versionOf(run, base),
    ...IPTABLES_VARIANTS.map((variant) => surveyVariant(run, family, variant)),
  ]);
  const surveys = named.filter((entry) => entry !== undefined);
  // Before 1.8 there was one variant, and no program carried its name.
  if (version !== undefined && !surveys.some(({ tool }) => tool.variant === version.variant)) {
    const tool = { family, variant: version.variant, save: `${base}-save`, restore: `${base}-restore` };
    surveys.push(await readTool(run, { ...tool, modern: isModern(version) }));
  }
  const held = new Map(surveys.map(({ tool, saved }) => [tool.variant, saved.others]));
  const variant = chooseVariant(version?.variant, held);
  return {
    live: surveys.find(({ tool }) => tool.variant === variant)?.tool,
    tools: surveys.map(({ tool }) => tool),
    observed: surveys.map(({ tool, saved }) => observedIptables(tool, saved, tool.variant === variant)),
  };
}

/** Reads again where our rules belong: one process. */
export async function readLive(run: Run, tool: IptablesTool): Promise<ObservedIptables> {
  const { saved } = await readTool(run, tool);
  return observedIptables(tool, saved, true);
}

/** The tool of the mode `iptables`, or why there is none. */
export function requireTool(tool: IptablesTool | undefined, family: Family): IptablesTool {
  if (tool === undefined) throw missingTool(BASE[family]);
  return tool;
}

/**
 * Where the kubelet is; else where others have rules, if that is one variant only; else what `iptables` is; else what is
 * installed.
 */
export function chooseVariant(
  own: IptablesVariant | undefined,
  held: ReadonlyMap<IptablesVariant, OthersRules>,
): IptablesVariant | undefined {
  const kubelet = [...held].filter(([, others]) => others.kubelet);
  const holding = [...held].filter(([, others]) => others.count > 0);
  for (const candidates of [kubelet, holding]) {
    const [only] = candidates;
    if (only !== undefined && candidates.length === 1) return only[0];
  }
  return own ?? [...held.keys()][0];
}

/** Reads `iptables v1.8.9 (nf_tables)`; undefined when it is no such line. */
export function parseIptablesVersion(text: string): IptablesVersion | undefined {
  const match = /\bv(\d+)\.(\d+)\.(\d+)(?:\s+\((\w+)\))?/.exec(text);
  if (match === null) return undefined;
  const [, major, minor, patch, words] = match;
  return { variant: words === 'nf_tables' ? 'nft' : 'legacy', numbers: [Number(major), Number(minor), Number(patch)] };
}

interface VariantSurvey {
  readonly tool: IptablesTool;
  readonly saved: SavedRules;
}

async function versionOf(run: Run, base: string): Promise<IptablesVersion | undefined> {
  const argv = [base, '--version'];
  const output = await runTool(run, argv, `ask ${base} for its version`);
  if (output === undefined) return undefined;
  const version = parseIptablesVersion(output.stdout);
  if (version !== undefined) return version;
  throw new Fault('firewall.output', {
    what: `${base} does not say its version: ${output.stdout.trim().slice(0, 120)}`,
  });
}

/** A variant by its own name; releases that have such names are modern. Undefined when it is not there or does not work. */
async function surveyVariant(run: Run, family: Family, variant: IptablesVariant): Promise<VariantSurvey | undefined> {
  const name = `${BASE[family]}-${variant}`;
  const tool: IptablesTool = { family, variant, save: `${name}-save`, restore: `${name}-restore`, modern: true };
  const output = await runTool(run, [tool.save], `read the rules of ${name}`);
  // A kernel without the tables of one variant is usual; whether the other one works shows by itself.
  if (output === undefined || output.code !== 0) return undefined;
  return { tool, saved: readIptablesSave(output.stdout, tool.save) };
}

async function readTool(run: Run, tool: IptablesTool): Promise<VariantSurvey> {
  const argv = [tool.save];
  const output = await runTool(run, argv, `read the rules of ${tool.save}`);
  if (output === undefined) throw missingTool(tool.save);
  if (output.code !== 0) throw refusedByTool(argv, output, 'the firewall rules cannot be read');
  return { tool, saved: readIptablesSave(output.stdout, tool.save) };
}

function isModern({ numbers }: IptablesVersion): boolean {
  for (const [at, least] of MODERN.entries()) {
    const number = numbers[at] ?? 0;
    if (number !== least) return number > least;
  }
  return true;
}

function observedIptables(tool: IptablesTool, saved: SavedRules, live: boolean): ObservedIptables {
  const { family, variant, modern } = tool;
  return { family, variant, live, supportsFullyRandom: modern, ...saved };
}
