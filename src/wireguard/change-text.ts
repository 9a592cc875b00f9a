/** Changes as the `wg` command lines that an operator knows, for the log and golden tests. Secrets are not in them. */
import type { PeerChange, WireguardChange } from './device.ts';

/** One line per thing that changes: `wg set flannel-wg peer … endpoint …`. */
export function changeText(name: string, change: WireguardChange): readonly string[] {
  const lines: string[] = [];
  if (change.privateKey !== undefined) lines.push(`wg set ${name} private-key (hidden)`);
  if (change.listenPort !== undefined) lines.push(`wg set ${name} listen-port ${change.listenPort}`);
  for (const peer of change.peers) lines.push(`wg set ${name} peer ${peer.publicKey}${peerText(peer)}`);
  return lines;
}

function peerText(change: PeerChange): string {
  if (change.type === 'remove') return ' remove';
  const { presharedKey, endpoint, keepaliveSeconds, allowedIps } = change;
  return [
    presharedKey === undefined ? '' : ` preshared-key ${presharedKey === 'none' ? '/dev/null' : '(hidden)'}`,
    endpoint === undefined ? '' : ` endpoint ${endpoint}`,
    keepaliveSeconds === undefined ? '' : ` persistent-keepalive ${keepaliveSeconds === 0 ? 'off' : keepaliveSeconds}`,
    allowedIps === undefined ? '' : ` allowed-ips ${allowedIps.join(',')}`,
  ].join('');
}
