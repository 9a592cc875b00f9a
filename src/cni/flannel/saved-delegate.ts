/** A delegate's configuration as it was kept: only what the plugin needs to know of it. */
import { type JsonObject, objectMember, parseObject } from '#cni/protocol/configuration.ts';

export interface SavedDelegate {
  readonly type: string;
  /** Of the network; empty when it has none. */
  readonly name: string;
  /** The subnets that addresses were taken from, as text. */
  readonly subnets: readonly string[];
  /** All of it, as it was kept. */
  readonly members: JsonObject;
  readonly text: string;
}

/** Undefined when the text is not what a plugin writes: cut, empty, foreign. */
export function parseSaved(text: string): SavedDelegate | undefined {
  try {
    const members = parseObject(text, 'state');
    const { type, name = '' } = members;
    if (typeof type !== 'string' || type === '' || typeof name !== 'string') return undefined;
    const ranges = objectMember(members, 'ipam')?.['ranges'];
    return { type, name, subnets: subnetsOf(JSON.stringify(ranges ?? [])), members, text };
  } catch {
    return undefined;
  }
}

function subnetsOf(ranges: string): readonly string[] {
  return [...ranges.matchAll(/"subnet":"([^"]+)"/g)].map(([, subnet = '']) => subnet);
}
