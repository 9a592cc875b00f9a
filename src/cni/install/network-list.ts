/** Network lists (`*.conflist`) and single networks (`*.conf`, `*.json`): written, read as runtimes do, compared. Pure. */
import { isDeepStrictEqual } from 'node:util';
import {
  type JsonObject,
  listMember,
  parseConfiguration,
  parseObject,
  textMember,
} from '#cni/protocol/configuration.ts';
import { errorText } from '#cni/protocol/error.ts';
import { CNI_VERSIONS, type CniVersion } from '#cni/protocol/version.ts';
import { isJsonObject } from '#model/json-document.ts';
import type { PluginKind } from './plugin-kind.ts';

/** What runtimes of today read; STATUS and GC of 1.1 need newer ones, and newer plugins than distributions have. */
const NEWEST_LIST_VERSION: CniVersion = '1.0.0';

export interface NetworkList {
  readonly name: string;
  readonly cniVersion: string;
  readonly plugins: readonly JsonObject[];
}

/** The newest version for a list that all of these plugins have; `each` is what every plugin says it speaks. */
export function listVersion(each: readonly (readonly string[])[]): CniVersion {
  const usable = CNI_VERSIONS.slice(0, CNI_VERSIONS.indexOf(NEWEST_LIST_VERSION) + 1);
  return usable.findLast((version) => each.every((versions) => versions.includes(version))) ?? '0.1.0';
}

export function networkListText(kind: PluginKind, name: string, version: CniVersion): string {
  return `${JSON.stringify({ name, cniVersion: version, plugins: kind.chain }, null, 2)}\n`;
}

/** The network in a file of that name, as a runtime reads it; a text says why it would pass it over. */
export function readNetwork(file: string, text: string): NetworkList | string {
  try {
    const { name, cniVersion, members } = parseConfiguration(text);
    const plugins = file.endsWith('.conflist') ? (listMember(members, 'plugins') ?? []) : [members];
    const objects = plugins.filter(isJsonObject);
    if (objects.length === 0 || objects.length < plugins.length) return 'it has no list of plugins';
    if (objects.some((plugin) => (textMember(plugin, 'type') ?? '') === '')) return 'a plugin has no type';
    return { name, cniVersion, plugins: objects };
  } catch (error) {
    return errorText(error);
  }
}

/** Whether two texts say the same; an older version counts as the same when all plugins speak it. */
export function sameNetworkList(there: string, wanted: string, versions: readonly (readonly string[])[]): boolean {
  const [a, b] = [parsed(there), parsed(wanted)];
  if (a === undefined || b === undefined) return false;
  const { cniVersion: first, ...others } = a;
  const { cniVersion: second, ...wantedOthers } = b;
  if (!isDeepStrictEqual(others, wantedOthers)) return false;
  return first === second || (typeof first === 'string' && versions.every((each) => each.includes(first)));
}

function parsed(text: string): JsonObject | undefined {
  try {
    return parseObject(text, 'network list');
  } catch {
    return undefined;
  }
}
