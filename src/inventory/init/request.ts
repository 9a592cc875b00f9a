/** What `weft init` is asked for: flags or answers, read one by one. Pure. */

import type { Preset } from '#inventory/document/paths.ts';
import { formatIp, type Ip, parseIp } from '#model/ip.ts';

export interface InitHost {
  readonly name: string;
  readonly address: Ip;
}

export interface InitRequest {
  readonly hosts: readonly InitHost[];
  /** Network of the Pods, of either family, as written. */
  readonly network: string;
  readonly backend: string;
  readonly preset: Preset;
  /** User that SSH logs in as. */
  readonly user: string;
  /** Address of the load balancers; the last two hosts carry it. */
  readonly vip?: string;
}

export const DEFAULTS = { network: '172.30.0.0/16', backend: 'vxlan', preset: 'fhs', user: 'root' } as const;

/** `10.0.0.1,web=10.0.0.2`: hosts without a name become node-1, node-2 … by their place. */
export function parseHosts(text: string): { readonly hosts: readonly InitHost[] } | { readonly problem: string } {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0) return { problem: 'no host is given' };
  const hosts: InitHost[] = [];
  for (const [index, word] of words.entries()) {
    const equals = word.indexOf('=');
    const address = parseIp(word.slice(equals + 1));
    if (address === undefined) return { problem: `${JSON.stringify(word)} is not an address, nor NAME=ADDRESS` };
    hosts.push({ name: equals < 0 ? `node-${index + 1}` : word.slice(0, equals), address });
  }
  const seen = new Set<string>();
  for (const { address } of hosts) {
    const written = formatIp(address);
    if (seen.has(written)) return { problem: `${written} is there twice` };
    seen.add(written);
  }
  return { hosts };
}
