/** What stands on `flannel.1` in a host, as its kernel lists it, and when it last changed. */
import { watchNetwork } from '#netlink/events.ts';
import { dumpFdb } from '#netlink/fdb.ts';
import { getLink } from '#netlink/link.ts';
import { dumpNeighbors } from '#netlink/neighbor.ts';
import { dumpRoutes } from '#netlink/route.ts';
import { NetlinkSocket } from '#netlink/socket.ts';
import type { BenchHost } from './hosts.ts';
import type { Peer } from './peers.ts';

const RTPROT_BOOT = 3;
const PATIENCE_MS = 15_000;

export class KernelView {
  readonly #socket: NetlinkSocket;

  constructor(host: Pick<BenchHost, 'path'>) {
    this.#socket = new NetlinkSocket(host.path);
  }

  /** How many of the peers have their neighbour, FDB entry and route, each with the right content. */
  programmed(peers: readonly Peer[]): number {
    const { neighbors, fdb, routes } = this.#dump();
    return peers.filter(
      ({ subnet, mac, publicIp }) =>
        neighbors.get(subnet.ipv4.address) === mac && fdb.get(mac) === publicIp && routes.has(subnet.ipv4.address),
    ).length;
  }

  /** How many of the peers have left something behind. */
  present(peers: readonly Peer[]): number {
    const { neighbors, fdb, routes } = this.#dump();
    return peers.filter(
      ({ subnet, mac }) => neighbors.has(subnet.ipv4.address) || fdb.has(mac) || routes.has(subnet.ipv4.address),
    ).length;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #dump() {
    const index = getLink(this.#socket, 'flannel.1')?.index;
    if (index === undefined) return { neighbors: new Map(), fdb: new Map(), routes: new Set() };
    return {
      neighbors: new Map(dumpNeighbors(this.#socket, index).map(({ address, mac }) => [address, mac])),
      fdb: new Map(dumpFdb(this.#socket, index).map(({ mac, destination }) => [mac, destination])),
      routes: new Set(
        dumpRoutes(this.#socket, { linkIndex: index })
          .filter(({ protocol, destination }) => protocol === RTPROT_BOOT && destination.length === 24)
          .map(({ destination }) => destination.address),
      ),
    };
  }
}

export interface ChangeWatch extends Disposable {
  /** `performance.now()` when a change was last heard of. */
  readonly lastAt: () => number;
  /** Resolves when a change is heard of: true; or, when there is none for `ms`: false. */
  readonly next: (ms: number) => Promise<boolean>;
}

/**
 * When the last change was heard of, once it is done and nothing has changed for `quietMs`. To look is work for the
 * kernel, so it is looked at only when it is quiet.
 */
export async function whenSettled(changes: ChangeWatch, quietMs: number, isDone: () => boolean): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    if (!(await changes.next(quietMs)) && isDone()) return changes.lastAt();
  }
  throw new Error(`an agent has not done its work after ${PATIENCE_MS} ms`);
}

/** Listens to the kernel of a host. */
export function watchChanges(host: BenchHost): ChangeWatch {
  let lastAt = Number.NEGATIVE_INFINITY;
  let wake = (): void => undefined;
  const listener = (): void => {
    lastAt = performance.now();
    wake();
  };
  const close = watchNetwork(listener, { namespace: host.path });
  return {
    lastAt: () => lastAt,
    next: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms, false);
        wake = () => {
          clearTimeout(timer);
          resolve(true);
        };
      }),
    [Symbol.dispose]: close,
  };
}
