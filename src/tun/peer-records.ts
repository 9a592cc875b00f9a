/** Peers as the native forwarder reads them: 12 bytes each (native/peer-table.h). Pure. */
import type { TunnelPeer } from './tunnel.ts';

const RECORD_BYTES = 12;

export function encodePeers(peers: readonly TunnelPeer[]): Uint8Array {
  const records = new DataView(new ArrayBuffer(peers.length * RECORD_BYTES));
  let at = 0;
  for (const { subnet, host } of peers) {
    records.setUint32(at, subnet.address);
    records.setUint32(at + 4, host);
    records.setUint8(at + 8, subnet.length);
    at += RECORD_BYTES;
  }
  return new Uint8Array(records.buffer);
}
