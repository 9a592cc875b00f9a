/** A bridge of a host as its own tools show it: what it takes to know whether it may be removed. */
import { Fault } from '#runtime/fault.ts';
import type { Host } from './host.ts';

export interface Bridge {
  readonly name: string;
  /** With prefix length, IPv4 first: `172.30.71.1/24`. */
  readonly addresses: readonly string[];
  readonly mtu: number;
  /** Devices plugged into it: one for each container. */
  readonly ports: readonly string[];
}

interface IpLink {
  readonly ifname: string;
  readonly mtu: number;
  readonly addr_info?: readonly { readonly local: string; readonly prefixlen: number; readonly family: string }[];
}

/** Undefined when there is no device of that name. Fault `command.failed` when ip cannot be run or understood. */
export async function readBridge(host: Host, name: string): Promise<Bridge | undefined> {
  const why = `look at the bridge ${name}`;
  const shown = await host.run({ argv: ['ip', '-json', 'address', 'show', 'dev', name], why });
  if (shown.code !== 0) return undefined;
  const plugged = await host.run({ argv: ['ip', '-json', 'link', 'show', 'master', name], why });
  const [link] = parseLinks(shown.stdout, why);
  if (link === undefined) return undefined;
  const addresses = (link.addr_info ?? [])
    .filter(({ local }) => !/^fe[89ab]/i.test(local))
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  return { name, addresses, mtu: link.mtu, ports: parseLinks(plugged.stdout, why).map(({ ifname }) => ifname) };
}

/** Removes it; what is plugged into it loses its network, so look at `ports` first. */
export async function removeBridge(host: Host, name: string): Promise<void> {
  const output = await host.run({
    argv: ['ip', 'link', 'delete', 'dev', name, 'type', 'bridge'],
    why: `remove ${name}`,
  });
  if (output.code === 0) return;
  throw new Fault('command.failed', { what: `could not remove the bridge ${name}`, why: output.stderr.trim() });
}

function parseLinks(text: string, why: string): readonly IpLink[] {
  try {
    // An empty list is no text at all, and of a link that was filtered away an empty object is left.
    const links: readonly IpLink[] = JSON.parse(text.trim() === '' ? '[]' : text);
    return links.filter(({ ifname }) => ifname !== undefined);
  } catch (cause) {
    throw new Fault('command.failed', { what: `could not ${why}`, why: 'ip did not print JSON', cause });
  }
}
