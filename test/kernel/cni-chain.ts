/** Debian's Go plugins on the same host, and what the kernel and the disk show after either. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CniSite, Config } from './cni-site.ts';

const PLUGINS = '/usr/lib/cni';
export const PORTS = {
  portMappings: [
    { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
    { hostPort: 53, containerPort: 5353, protocol: 'udp', hostIP: '10.9.9.9' },
    { hostPort: 99, containerPort: 98, protocol: 'sctp', hostIP: '' },
    { hostPort: 8081, containerPort: 81, protocol: 'tcp', hostIP: '::' },
  ],
};

/** Runs one of Debian's plugins for container `c<number>`; what it prints. Throws when it refuses. */
export function runGo(site: CniSite, command: string, number: number, config: Config): string {
  const env = {
    ...process.env,
    CNI_COMMAND: command,
    CNI_CONTAINERID: `c${number}`,
    CNI_NETNS: `/run/netns/${site.name}-c${number}`,
    CNI_IFNAME: 'eth0',
    CNI_PATH: PLUGINS,
  };
  const argv = [`--net=/run/netns/${site.name}`, `${PLUGINS}/${String(config['type'])}`];
  return execFileSync('nsenter', argv, { input: JSON.stringify(config), env, encoding: 'utf8' });
}

/** Names, MACs and times differ from one host to another; duplicate detection of the bridge's address is one that we leave out. */
function neutral(site: CniSite, text: string): string {
  const seen = new Map<string, string>();
  const numbered = (kind: string) => (found: string) => {
    if (!seen.has(found))
      seen.set(found, `<${kind}${[...seen.keys()].filter((key) => seen.get(key)?.startsWith(`<${kind}`)).length}>`);
    return seen.get(found) ?? found;
  };
  return text
    .replaceAll(site.name, 'host')
    .replace(/\b8000\.[0-9a-f:]+/g, '8000.<id>')
    .replace(/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, numbered('mac'))
    .replace(/veth[0-9a-f]{8}/g, numbered('veth'))
    .replace(/fe80::[0-9a-f:]+\/64 scope/g, 'fe80::<eui>/64 scope')
    .replace(/ (nodad|tentative)\b/g, '')
    .replace(/_timer +[\d.]+/g, '_timer')
    .replace(/ +$/gm, '');
}

/** All that attaching a container has changed. */
export interface Picture {
  readonly result: unknown;
  readonly host: string;
  readonly container: string;
  readonly rules: string;
  readonly settings: string;
  readonly files: readonly (readonly [string, string])[];
}

/** Settings to look at, by the names that sysctl has for them. */
export interface Settings {
  readonly host: readonly string[];
  readonly container: readonly string[];
}

/** Of container 1 and its host, without the names that are made up. */
export function picture(site: CniSite, result: unknown, settings: Settings): Picture {
  const show = (print: (...words: readonly string[]) => string): string =>
    [['-d', 'address'], ['route'], ['-6', 'route']].map((words) => print(...words)).join('---\n');
  const rules = ['iptables', 'ip6tables'] as const;
  const folder = join(site.folder, 'addresses/net');
  const read = (namespace: string, names: readonly string[]): string =>
    execFileSync('nsenter', [`--net=/run/netns/${namespace}`, 'sysctl', ...names], { encoding: 'utf8' });
  const names = readdirSync(folder).filter((name) => name !== 'lock');
  return {
    result: JSON.parse(neutral(site, JSON.stringify(result))),
    host: neutral(
      site,
      show((...words) => site.print(...words)),
    ),
    container: neutral(
      site,
      show((...words) => site.inside(1, ...words)),
    ),
    // Rules of different chains may come in any order.
    rules: rules
      .map((tool) =>
        site
          .rules(tool)
          .replace(/^#.*\n/gm, '')
          .split('\n')
          .sort()
          .join('\n'),
      )
      .join('---\n'),
    settings: neutral(site, read(site.name, settings.host) + read(`${site.name}-c1`, settings.container)),
    files: names.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  };
}
