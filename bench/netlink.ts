/** The part of a start that is the kernel's: peers written as netlink trains, in both forms, against `ip` and `bridge`. */

import { namespacePath } from '#hosts/namespace.ts';
import { encodeFdbReplace } from '#netlink/fdb.ts';
import { getLink } from '#netlink/link.ts';
import { encodeNeighborReplace } from '#netlink/neighbor.ts';
import { encodeNexthopReplace } from '#netlink/nexthop.ts';
import { encodeRouteReplace } from '#netlink/route.ts';
import { NetlinkSocket } from '#netlink/socket.ts';
import type { MessageWriter } from '#netlink/writer.ts';
import type { Bench, Figure, Row } from './harness/figure.ts';
import { measurePaired, pairedFigures } from './harness/pairing.ts';
import { makePeers, type Peer } from './harness/peers.ts';
import { kernelPeersMs, withVxlanNamespace } from './harness/yardsticks.ts';

const SIZES = [1_000, 10_000] as const;
type Form = 'plain routes' | 'nexthop objects';

export const netlink: Figure = {
  name: 'netlink',
  title: 'N peers by netlink trains, without agent and etcd',
  async measure(bench) {
    const rows: Row[] = [];
    for (const size of SIZES) {
      for (const form of ['plain routes', 'nexthop objects'] as const) rows.push(await measureForm(bench, size, form));
    }
    return { rows, notes: [] };
  },
};

async function measureForm({ runs }: Bench, size: number, form: Form): Promise<Row> {
  const peers = makePeers(size);
  const yardstick = () => kernelPeersMs(peers);
  const pairs = await measurePaired(runs, yardstick, () =>
    withVxlanNamespace(async (namespace) => {
      const socket = new NetlinkSocket(namespacePath(namespace));
      try {
        const begunMs = performance.now();
        writePeers(socket, peers, form);
        return performance.now() - begunMs;
      } finally {
        socket.close();
      }
    }),
  );
  return { ...pairedFigures('kernel', pairs), name: `${size} peers, ${form}`, unit: 'ms' };
}

type Encode = (writer: MessageWriter) => void;

function writePeers(socket: NetlinkSocket, peers: readonly Peer[], form: Form): void {
  const device = getLink(socket, 'flannel.1')?.index ?? 0;
  const { failed } = socket.train(messages(peers, device, form), (writer, encode) => encode(writer));
  if (failed.length > 0) throw new Error(`the kernel refused ${failed.length} messages`);
}

function* messages(peers: readonly Peer[], device: number, form: Form): Generator<Encode> {
  for (const { subnet, mac, publicIp } of peers) {
    const gateway = subnet.ipv4.address;
    const nexthop = form === 'nexthop objects' ? { nexthop: gateway } : {};
    yield (writer) => encodeNeighborReplace(writer, device, { address: gateway, mac });
    yield (writer) => encodeFdbReplace(writer, device, { mac, destination: publicIp });
    if (form === 'nexthop objects') yield (writer) => encodeNexthopReplace(writer, device, { id: gateway, gateway });
    yield (writer) =>
      encodeRouteReplace(writer, device, { destination: subnet.ipv4, gateway, onlink: true, ...nexthop });
  }
}
