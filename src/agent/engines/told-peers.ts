/**
 * Which peers an extension's commands have been told of: on disk, so that after a restart those that have gone meanwhile are
 * still taken away. A file of the agent's own, for one boot.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ExtensionPeer } from '#agent/backends/engine-state.ts';
import { Fault } from '#runtime/fault.ts';

export interface ToldPeers {
  /** By `peerKey`; empty when there is no file, or none that can be read. */
  load(): ReadonlyMap<string, ExtensionPeer>;
  /** Replaces the file; Fault `host.file`. */
  save(peers: ReadonlyMap<string, ExtensionPeer>): void;
}

/** What a peer is known by: its subnets. */
export function peerKey({ subnet, ipv6Subnet }: Pick<ExtensionPeer, 'subnet' | 'ipv6Subnet'>): string {
  return `${subnet} ${ipv6Subnet}`;
}

export function toldPeersFile(path: string): ToldPeers {
  return {
    load() {
      const peers = new Map<string, ExtensionPeer>();
      for (const entry of readList(path)) {
        const peer = asPeer(entry);
        if (peer !== undefined) peers.set(peerKey(peer), peer);
      }
      return peers;
    },
    save(peers) {
      const temporary = `${path}.${process.pid}`;
      try {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(temporary, `${JSON.stringify([...peers.values()])}\n`, { mode: 0o600 });
        renameSync(temporary, path);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new Fault('host.file', { what: 'cannot note the peers of the extension', where: path, why, cause });
      }
    },
  };
}

/** A file that was cut or changed by hand is no file: commands are run again for the peers that there are. */
function readList(path: string): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

function asPeer(entry: unknown): ExtensionPeer | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const text = (name: string): string | undefined => {
    const value: unknown = Reflect.get(entry, name);
    return typeof value === 'string' ? value : undefined;
  };
  const [subnet, ipv6Subnet, publicIp] = [text('subnet'), text('ipv6Subnet'), text('publicIp')];
  const [publicIpv6, data] = [text('publicIpv6'), text('data')];
  if (subnet === undefined || ipv6Subnet === undefined || publicIp === undefined) return undefined;
  return publicIpv6 === undefined || data === undefined
    ? undefined
    : { subnet, ipv6Subnet, publicIp, publicIpv6, data };
}
