/** Peers that exist only as leases: what N other hosts would have published. Pure. */
import { etcdKeys } from '#agent/leases/etcd-keys.ts';
import type { Ipv4Cidr } from '#model/cidr.ts';
import { formatIpv4, type Ipv4 } from '#model/ipv4.ts';
import { encodeLeaseRecord } from '#model/lease-record.ts';
import type { Mac } from '#model/mac.ts';

export interface Peer {
  readonly subnet: { readonly ipv4: Ipv4Cidr };
  readonly mac: Mac;
  readonly publicIp: Ipv4;
}

/** Real agents get their subnets from the upper quarter, so that no invented peer takes a subnet away from them. */
export const LARGE_NETWORK = {
  Network: '10.128.0.0/10',
  SubnetLen: 24,
  SubnetMin: '10.176.0.0',
  Backend: { Type: 'vxlan' },
};

const MOST_PEERS = 12_287;
const FIRST_SUBNET = 0x0a800100;
const FIRST_PUBLIC_IP = 0xac1c0000;

/** Peers number `from` to `from + count - 1`, each with a subnet of the large network, a MAC and an address of its own. */
export function makePeers(count: number, from = 0): readonly Peer[] {
  if (from + count > MOST_PEERS) throw new RangeError(`there is room for ${MOST_PEERS} peers`);
  return Array.from({ length: count }, (_, index) => {
    const number = from + index;
    const bytes = [number >> 24, number >> 16, number >> 8, number];
    return {
      subnet: { ipv4: { address: FIRST_SUBNET + number * 256, length: 24 } },
      mac: `02:77:${bytes.map((byte) => (byte & 255).toString(16).padStart(2, '0')).join(':')}`,
      publicIp: FIRST_PUBLIC_IP + number,
    };
  });
}

/** Key and value of the peer's lease, as flannel writes them. */
export function leasePair(prefix: string, peer: Peer): { readonly key: string; readonly value: string } {
  const value = encodeLeaseRecord({
    publicIp: peer.publicIp,
    publicIpv6: null,
    backendType: 'vxlan',
    backendData: { VNI: 1, VtepMAC: peer.mac },
  });
  return { key: etcdKeys(prefix).lease(peer.subnet), value };
}

/** What `ip -batch` and `bridge -batch` need to program the peers on `flannel.1`, in flannel's form. */
export function batchTexts(peers: readonly Peer[]): { readonly ip: string; readonly bridge: string } {
  const gatewayOf = ({ subnet }: Peer): string => formatIpv4(subnet.ipv4.address);
  return {
    ip: peers
      .map(
        (peer) =>
          `neigh replace ${gatewayOf(peer)} lladdr ${peer.mac} dev flannel.1 nud permanent\n` +
          `route replace ${gatewayOf(peer)}/24 via ${gatewayOf(peer)} dev flannel.1 onlink\n`,
      )
      .join(''),
    bridge: peers
      .map((peer) => `fdb replace ${peer.mac} dev flannel.1 dst ${formatIpv4(peer.publicIp)} self permanent\n`)
      .join(''),
  };
}
