/** Which network a container runtime takes: of all files in the folder, by name, the first that it can read. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorText } from '#cni/protocol/error.ts';
import { type NetworkList, readNetwork } from './network-list.ts';

export interface RuntimeChoice {
  readonly chosen: { readonly file: string; readonly network: NetworkList } | undefined;
  /** Files before it, or all, that a runtime cannot read, with the reason. */
  readonly skipped: readonly { readonly file: string; readonly why: string }[];
}

/** The ends of names that runtimes (libcni) look at. */
const ENDS = ['.conf', '.conflist', '.json'];

export function chooseNetwork(files: ReadonlyMap<string, string>): RuntimeChoice {
  const skipped: { file: string; why: string }[] = [];
  const candidates = [...files].filter(([file]) => ENDS.some((end) => file.endsWith(end)));
  for (const [file, text] of candidates.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const network = readNetwork(file, text);
    if (typeof network !== 'string') return { chosen: { file, network }, skipped };
    skipped.push({ file, why: network });
  }
  return { chosen: undefined, skipped };
}

/** The files of the folder by name; one that cannot be read holds the reason, which is no network either. */
export function readNetworkFolder(folder: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const name of namesIn(folder)) {
    if (!ENDS.some((end) => name.endsWith(end))) continue;
    try {
      files.set(name, readFileSync(join(folder, name), 'utf8'));
    } catch (error) {
      files.set(name, errorText(error));
    }
  }
  return files;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // No folder, no network; whoever installs makes it.
    return [];
  }
}
