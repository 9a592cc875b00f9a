import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ipv4, parseIpv4 } from '#model/ipv4.ts';
import { type Address, dumpAddresses, encodeAddressAdd, encodeAddressDelete } from '#netlink/address.ts';
import { watchNetwork } from '#netlink/events.ts';
import { dumpFdb, encodeFdbDelete, encodeFdbReplace } from '#netlink/fdb.ts';
import {
  dumpLinks,
  encodeLinkDelete,
  encodeLinkSet,
  encodeVxlanAdd,
  getLink,
  type Link,
  type NewVxlan,
} from '#netlink/link.ts';
import { RTM_NEWROUTE } from '#netlink/message.ts';
import { loadNative } from '#netlink/native.ts';
import { dumpNeighbors, encodeNeighborDelete, encodeNeighborReplace } from '#netlink/neighbor.ts';
import { dumpNexthops, encodeNexthopDelete, encodeNexthopReplace } from '#netlink/nexthop.ts';
import { dumpRoutes, encodeRouteDelete, encodeRouteReplace, getRoute } from '#netlink/route.ts';
import { NetlinkSocket } from '#netlink/socket.ts';
import type { MessageWriter } from '#netlink/writer.ts';
import { Fault } from '#runtime/fault.ts';

const MAC = '8a:1b:af:8c:b2:78';
const VXLAN: NewVxlan = {
  name: 'flannel.1',
  vni: 1,
  mtu: 1450,
  mac: '7e:74:c7:9e:78:6a',
  local: ip('10.77.0.11'),
  port: 0,
  learning: false,
  gbp: false,
};
const NEIGHBOR = { address: ip('172.30.24.0'), mac: MAC };
const FDB = { mac: MAC, destination: ip('10.77.0.12') };
const ONLINK = {
  destination: { address: ip('172.30.24.0'), length: 24 },
  gateway: ip('172.30.24.0'),
  onlink: true,
};
const BY_NEXTHOP = { destination: { address: ip('172.30.90.0'), length: 24 }, gateway: ip('172.30.90.0'), nexthop: 90 };

function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  assert.ok(address !== undefined);
  return address;
}

let count = 0;

/** A host of its own: a namespace with the underlay eth0 (10.77.0.11/16), for as long as `use` runs. */
async function withHost(use: (host: Host) => void | Promise<void>): Promise<void> {
  const name = `weft-nl-${process.pid}-${count++}`;
  execFileSync('ip', ['netns', 'add', name]);
  try {
    const host = new Host(name);
    host.ip('link add eth0 type veth peer name peer0');
    host.ip('link set eth0 up');
    host.ip('link set peer0 up');
    host.ip('address add 10.77.0.11/16 dev eth0');
    try {
      await use(host);
    } finally {
      host.socket.close();
    }
  } finally {
    execFileSync('ip', ['netns', 'delete', name]);
  }
}

class Host {
  readonly name: string;
  readonly path: string;
  readonly socket: NetlinkSocket;

  constructor(name: string) {
    this.name = name;
    this.path = `/run/netns/${name}`;
    this.socket = new NetlinkSocket(this.path);
  }

  /** Output of `ip …`, each line without trailing blanks. */
  ip(command: string): string {
    return lines(execFileSync('ip', ['-n', this.name, ...command.split(' ')], { encoding: 'utf8', stdio: 'pipe' }));
  }

  bridge(command: string): string {
    const argv = ['netns', 'exec', this.name, 'bridge', ...command.split(' ')];
    return lines(execFileSync('ip', argv, { encoding: 'utf8', stdio: 'pipe' }));
  }

  link(name: string): Link {
    const link = getLink(this.socket, name);
    assert.ok(link, name);
    return link;
  }

  apply(encode: (writer: MessageWriter) => void): void {
    assert.deepEqual(
      this.socket.train([encode], (writer, one) => one(writer)),
      { applied: 1, failed: [] },
    );
  }

  addVxlan(device: NewVxlan = VXLAN): Link {
    const underlay = this.link('eth0').index;
    this.apply((writer) => encodeVxlanAdd(writer, underlay, device));
    this.apply((writer) => encodeLinkSet(writer, { name: device.name, up: true }));
    return this.link(device.name);
  }
}

/** The kernel gives a device a link-local IPv6 address of its own accord. */
function isOwnIpv4(index: number): (entry: Address) => boolean {
  return ({ linkIndex, address }) => linkIndex === index && typeof address === 'number';
}

function lines(output: string): string {
  return output.replaceAll(/[ \t]+$/gm, '').trimEnd();
}

test('a VXLAN device looks to `ip -d link` as the one that flannel makes', () =>
  withHost((host) => {
    const link = host.addVxlan();
    const [head, ether, vxlan] = host.ip('-d link show flannel.1').split('\n');
    // The lines of flannel 0.28.9 on the same kernel, but for the index.
    assert.equal(
      head,
      `${link.index}: flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN mode DEFAULT group default`,
    );
    assert.equal(
      ether,
      '    link/ether 7e:74:c7:9e:78:6a brd ff:ff:ff:ff:ff:ff promiscuity 0  allmulti 0 minmtu 68 maxmtu 65535',
    );
    assert.equal(
      vxlan?.slice(0, vxlan.indexOf(' numtxqueues')),
      '    vxlan id 1 local 10.77.0.11 dev eth0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300 udpcsum noudp6zerocsumtx noudp6zerocsumrx addrgenmode eui64',
    );
    assert.deepEqual(link, {
      index: link.index,
      name: 'flannel.1',
      kind: 'vxlan',
      mtu: 1450,
      mac: VXLAN.mac,
      up: true,
      vxlan: {
        vni: 1,
        local: VXLAN.local,
        underlayIndex: host.link('eth0').index,
        port: 8472,
        learning: false,
        gbp: false,
      },
    });
  }));

test('port, learning and GBP reach the device and are read back', () =>
  withHost((host) => {
    const link = host.addVxlan({ ...VXLAN, vni: 77, name: 'flannel.77', port: 4789, learning: true, gbp: true });
    assert.match(host.ip('-d link show flannel.77'), /vxlan id 77 .* dstport 4789 (?!nolearning).*gbp/);
    assert.deepEqual(link.vxlan, { ...link.vxlan, vni: 77, port: 4789, learning: true, gbp: true });
  }));

test('peers in both forms look to ip and bridge as those that flannel makes', () =>
  withHost((host) => {
    const { index } = host.addVxlan();
    host.apply((writer) => encodeAddressAdd(writer, index, { address: ip('172.30.71.0'), length: 32 }));
    host.apply((writer) => encodeNeighborReplace(writer, index, NEIGHBOR));
    host.apply((writer) => encodeFdbReplace(writer, index, FDB));
    host.apply((writer) => encodeRouteReplace(writer, index, ONLINK));
    host.apply((writer) => encodeNexthopReplace(writer, index, { id: 90, gateway: BY_NEXTHOP.gateway }));
    host.apply((writer) => encodeRouteReplace(writer, index, BY_NEXTHOP));
    assert.equal(
      host.ip('-4 address show flannel.1').split('\n').slice(1).join('\n'),
      '    inet 172.30.71.0/32 scope global flannel.1\n       valid_lft forever preferred_lft forever',
    );
    assert.equal(host.ip('-d neigh show dev flannel.1'), '172.30.24.0 lladdr 8a:1b:af:8c:b2:78 PERMANENT');
    assert.equal(host.bridge('fdb show dev flannel.1'), '8a:1b:af:8c:b2:78 dst 10.77.0.12 self permanent');
    assert.deepEqual(host.ip('-d route').split('\n').slice(0, 3), [
      'unicast 10.77.0.0/16 dev eth0 proto kernel scope link src 10.77.0.11',
      'unicast 172.30.24.0/24 via 172.30.24.0 dev flannel.1 proto boot scope global onlink',
      'unicast 172.30.90.0/24 nhid 90 via 172.30.90.0 dev flannel.1 proto boot scope global onlink',
    ]);
    assert.equal(host.ip('nexthop'), 'id 90 via 172.30.90.0 dev flannel.1 scope link proto boot onlink');
  }));

test('what iproute2 programs is read back, and replacing it with the same changes nothing', () =>
  withHost((host) => {
    const { index } = host.addVxlan();
    host.ip('address add 172.30.71.0/32 dev flannel.1');
    host.ip('neigh replace 172.30.24.0 lladdr 8a:1b:af:8c:b2:78 dev flannel.1 nud permanent');
    host.bridge('fdb replace 8a:1b:af:8c:b2:78 dev flannel.1 dst 10.77.0.12 self permanent');
    host.ip('route replace 172.30.24.0/24 via 172.30.24.0 dev flannel.1 onlink');
    host.ip('nexthop replace id 90 via 172.30.90.0 dev flannel.1 onlink proto boot');
    host.ip('route replace 172.30.90.0/24 nhid 90');
    const read = () => ({
      addresses: dumpAddresses(host.socket).filter(isOwnIpv4(index)),
      neighbors: dumpNeighbors(host.socket, index),
      fdb: dumpFdb(host.socket, index),
      nexthops: dumpNexthops(host.socket, index),
      routes: dumpRoutes(host.socket, { linkIndex: index }),
    });
    const text = (): string =>
      [host.ip('-d route'), host.ip('-d neigh'), host.bridge('fdb'), host.ip('nexthop')].join();
    const before = text();
    const route = { linkIndex: index, onlink: true, source: undefined, protocol: 3, scope: 0, type: 1, priority: 0 };
    const expected = {
      addresses: [
        {
          linkIndex: index,
          address: ip('172.30.71.0'),
          length: 32,
          scope: 0,
          permanent: true,
          deprecated: false,
          temporary: false,
        },
      ],
      neighbors: [{ linkIndex: index, ...NEIGHBOR, permanent: true }],
      fdb: [{ linkIndex: index, ...FDB, permanent: true }],
      nexthops: [{ linkIndex: index, id: 90, gateway: ip('172.30.90.0'), onlink: true, protocol: 3 }],
      routes: [
        { ...ONLINK, nexthop: undefined, ...route },
        { ...BY_NEXTHOP, ...route },
      ],
    };
    assert.deepEqual(read(), expected);
    host.apply((writer) => encodeNeighborReplace(writer, index, NEIGHBOR));
    host.apply((writer) => encodeFdbReplace(writer, index, FDB));
    host.apply((writer) => encodeRouteReplace(writer, index, ONLINK));
    host.apply((writer) => encodeNexthopReplace(writer, index, { id: 90, gateway: BY_NEXTHOP.gateway }));
    host.apply((writer) => encodeRouteReplace(writer, index, BY_NEXTHOP));
    assert.deepEqual(read(), expected);
    assert.equal(text(), before);
  }));

test('everything that can be added can be deleted, and a route goes with its nexthop', () =>
  withHost((host) => {
    const { index } = host.addVxlan();
    const address = { address: ip('172.30.71.0'), length: 32 };
    host.apply((writer) => encodeAddressAdd(writer, index, address));
    host.apply((writer) => encodeNeighborReplace(writer, index, NEIGHBOR));
    host.apply((writer) => encodeFdbReplace(writer, index, FDB));
    host.apply((writer) => encodeRouteReplace(writer, index, ONLINK));
    host.apply((writer) => encodeNexthopReplace(writer, index, { id: 90, gateway: BY_NEXTHOP.gateway }));
    host.apply((writer) => encodeRouteReplace(writer, index, BY_NEXTHOP));
    host.apply((writer) => encodeRouteDelete(writer, index, BY_NEXTHOP));
    assert.deepEqual(dumpRoutes(host.socket, { linkIndex: index }).length, 1);
    host.apply((writer) => encodeRouteReplace(writer, index, BY_NEXTHOP));
    host.apply((writer) => encodeNexthopDelete(writer, 90));
    assert.deepEqual(dumpRoutes(host.socket, { linkIndex: index }).length, 1);
    host.apply((writer) => encodeRouteDelete(writer, index, ONLINK));
    host.apply((writer) => encodeFdbDelete(writer, index, FDB));
    host.apply((writer) => encodeNeighborDelete(writer, index, NEIGHBOR));
    host.apply((writer) => encodeAddressDelete(writer, index, address));
    assert.deepEqual(dumpRoutes(host.socket, { linkIndex: index }), []);
    assert.deepEqual(dumpNexthops(host.socket), []);
    assert.deepEqual(dumpFdb(host.socket, index), []);
    assert.deepEqual(
      dumpNeighbors(host.socket, index).filter((entry) => entry.permanent),
      [],
    );
    assert.deepEqual(dumpAddresses(host.socket).filter(isOwnIpv4(index)), []);
    host.apply((writer) => encodeLinkDelete(writer, 'flannel.1'));
    assert.equal(getLink(host.socket, 'flannel.1'), undefined);
  }));

test('a link’s MAC, MTU and state can be set', () =>
  withHost((host) => {
    host.addVxlan();
    host.apply((writer) => encodeLinkSet(writer, { name: 'flannel.1', mac: MAC, mtu: 1300 }));
    assert.partialDeepStrictEqual(host.link('flannel.1'), { mac: MAC, mtu: 1300, up: true });
    host.apply((writer) => encodeLinkSet(writer, { name: 'flannel.1', up: false }));
    assert.partialDeepStrictEqual(host.link('flannel.1'), { mac: MAC, mtu: 1300, up: false });
  }));

test('the FDB and the neighbours of one device do not show in another’s list', () =>
  withHost((host) => {
    const first = host.addVxlan();
    const second = host.addVxlan({ ...VXLAN, name: 'flannel.2', vni: 2, mac: '7e:74:c7:9e:78:6b' });
    host.apply((writer) => encodeFdbReplace(writer, first.index, FDB));
    host.apply((writer) => encodeNeighborReplace(writer, first.index, NEIGHBOR));
    host.apply((writer) => encodeRouteReplace(writer, first.index, ONLINK));
    assert.deepEqual(dumpFdb(host.socket, second.index), []);
    assert.deepEqual(dumpNeighbors(host.socket, second.index), []);
    assert.deepEqual(dumpRoutes(host.socket, { linkIndex: second.index }), []);
  }));

test('a route lookup tells the interface and the source, or that there is no way', () =>
  withHost((host) => {
    const eth0 = host.link('eth0').index;
    const route = getRoute(host.socket, ip('10.77.3.4'));
    assert.partialDeepStrictEqual(route, { linkIndex: eth0, source: ip('10.77.0.11'), gateway: undefined });
    assert.equal(getRoute(host.socket, ip('192.0.2.1')), undefined);
    host.ip('route add default via 10.77.0.1');
    assert.partialDeepStrictEqual(getRoute(host.socket, ip('192.0.2.1')), { gateway: ip('10.77.0.1') });
    host.ip('route add unreachable 198.51.100.0/24');
    assert.equal(getRoute(host.socket, ip('198.51.100.1')), undefined);
    host.ip('route add blackhole 203.0.113.0/24');
    assert.equal(getRoute(host.socket, ip('203.0.113.1')), undefined);
  }));

test('a namespace in which nothing was ever set up is read as empty', () => {
  const name = `weft-nl-${process.pid}-empty`;
  execFileSync('ip', ['netns', 'add', name]);
  try {
    const socket = new NetlinkSocket(`/run/netns/${name}`);
    assert.deepEqual(
      dumpLinks(socket).map((link) => link.name),
      ['lo'],
    );
    assert.deepEqual([dumpRoutes(socket), dumpNexthops(socket), dumpAddresses(socket)], [[], [], []]);
    socket.close();
  } finally {
    execFileSync('ip', ['netns', 'delete', name]);
  }
});

test('of a train in which some requests fail, each failure has its errno and the kernel’s words, and the rest is done', () =>
  withHost((host) => {
    const { index } = host.addVxlan();
    const eth0 = host.link('eth0').index;
    // Without NLM_F_ACK on any but the last: the kernel reports failures unasked.
    const requests: readonly [string, (writer: MessageWriter) => void][] = [
      ['same VNI', (writer) => encodeVxlanAdd(writer, eth0, { ...VXLAN, name: 'other' })],
      ['neighbour', (writer) => encodeNeighborReplace(writer, index, NEIGHBOR)],
      ['no such nexthop', (writer) => encodeRouteReplace(writer, index, { ...BY_NEXTHOP, nexthop: 5 })],
      ['no such device', (writer) => encodeNeighborReplace(writer, 4000, NEIGHBOR)],
      ['route', (writer) => encodeRouteReplace(writer, index, ONLINK)],
      ['no such route', (writer) => encodeRouteDelete(writer, index, { ...ONLINK, gateway: 1 })],
    ];
    const result = host.socket.train(requests, (writer, [, encode]) => encode(writer));
    assert.deepEqual(
      result.failed.map(({ item, refusal }) => [item[0], refusal.code, refusal.text]),
      [
        ['same VNI', 'EEXIST', 'A VXLAN device with the specified VNI already exists'],
        ['no such nexthop', 'EINVAL', 'Nexthop id does not exist'],
        ['no such device', 'ENODEV', 'no such device'],
        ['no such route', 'ESRCH', 'no such process'],
      ],
    );
    assert.equal(result.applied, 2);
    assert.equal(dumpRoutes(host.socket, { linkIndex: index }).length, 1);
    assert.equal(dumpNeighbors(host.socket, index).length, 1);
  }));

test('two thousand requests that all fail are all reported', () =>
  withHost((host) => {
    const gateways = Array.from({ length: 2_000 }, (_, at) => ip('172.16.0.0') + at);
    const result = host.socket.train(gateways, (writer, gateway) => {
      encodeRouteDelete(writer, 1, { destination: { address: gateway, length: 32 }, gateway });
    });
    assert.equal(result.applied, 0);
    assert.deepEqual(
      result.failed.map((failure) => failure.item),
      gateways,
    );
  }));

test('a list longer than one datagram is read whole', () =>
  withHost((host) => {
    const { index } = host.addVxlan();
    const peers = Array.from({ length: 3_000 }, (_, at) => ({ address: ip('172.16.0.0') + at, mac: MAC }));
    host.socket.train(peers, (writer, peer) => encodeNeighborReplace(writer, index, peer));
    const found = dumpNeighbors(host.socket, index).map((entry) => entry.address);
    assert.deepEqual(
      found.sort((a, b) => Number(a) - Number(b)),
      peers.map((peer) => peer.address),
    );
  }));

/** Runs `change` and waits until the listener has been called or 300 ms are over. */
async function wakes(host: Host, change: () => void, options: { port?: number } = {}): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => done(false), 300);
    const stop = watchNetwork(() => done(true), {
      namespace: host.path,
      ...(options.port === undefined ? {} : { ignorePort: options.port }),
    });
    const done = (woken: boolean): void => {
      clearTimeout(timer);
      stop();
      resolve(woken);
    };
    try {
      change();
    } catch (error) {
      stop();
      reject(error);
    }
  });
}

test('a change of links, addresses, neighbours, FDB, routes or nexthops wakes the listener; without one it sleeps', () =>
  withHost(async (host) => {
    host.addVxlan();
    assert.equal(await wakes(host, () => undefined), false);
    for (const command of [
      'link set flannel.1 mtu 1400',
      'address add 172.30.71.0/32 dev flannel.1',
      'neigh replace 172.30.24.0 lladdr 8a:1b:af:8c:b2:78 dev flannel.1 nud permanent',
      'route replace 172.30.24.0/24 via 172.30.24.0 dev flannel.1 onlink',
      'nexthop replace id 90 via 172.30.90.0 dev flannel.1 onlink',
      'link delete flannel.1',
    ]) {
      assert.equal(await wakes(host, () => void host.ip(command)), true, command);
    }
    host.addVxlan();
    const command = 'fdb replace 8a:1b:af:8c:b2:78 dev flannel.1 dst 10.77.0.12 self permanent';
    assert.equal(await wakes(host, () => void host.bridge(command)), true, command);
  }));

test('what the own socket changes does not wake the listener that ignores it, what others change does', () =>
  withHost(async (host) => {
    const { index } = host.addVxlan();
    const port = host.socket.port;
    const own = (): void => {
      host.apply((writer) => encodeAddressAdd(writer, index, { address: ip('172.30.71.0'), length: 32 }));
      host.apply((writer) => encodeNeighborReplace(writer, index, NEIGHBOR));
      host.apply((writer) => encodeRouteReplace(writer, index, ONLINK));
      host.apply((writer) => encodeNexthopReplace(writer, index, { id: 90, gateway: BY_NEXTHOP.gateway }));
    };
    // The address changes neighbour state of its own accord.
    assert.equal(await wakes(host, own), true, 'without ignoring');
    const again = (): void => {
      host.apply((writer) => encodeRouteDelete(writer, index, ONLINK));
      host.apply((writer) => encodeRouteReplace(writer, index, ONLINK));
      host.apply((writer) => encodeNexthopReplace(writer, index, { id: 91, gateway: ip('172.30.91.0') }));
      host.apply((writer) => encodeNeighborReplace(writer, index, { ...NEIGHBOR, mac: '8a:1b:af:8c:b2:79' }));
    };
    assert.equal(await wakes(host, again, { port }), false, 'ignoring');
    assert.equal(await wakes(host, () => void host.ip('route delete 172.30.24.0/24'), { port }), true, 'by another');
  }));

/** The port id that the listener is told for a change: a number, or `undefined` in words. */
function told(host: Host, change: () => void): Promise<number | 'not told'> {
  return new Promise((resolve) => {
    const stop = watchNetwork(
      (port) => {
        stop();
        resolve(port ?? 'not told');
      },
      { namespace: host.path },
    );
    change();
  });
}

test('who changed an address, a route or a neighbour is told by its port id; of settings and forwarding entries it is not', () =>
  withHost(async (host) => {
    const { index } = host.addVxlan();
    const { port } = host.socket;
    await told(host, () => host.apply((writer) => encodeRouteReplace(writer, index, ONLINK)));
    assert.equal(await told(host, () => host.apply((writer) => encodeRouteDelete(writer, index, ONLINK))), port);
    assert.equal(await told(host, () => host.apply((writer) => encodeNeighborReplace(writer, index, NEIGHBOR))), port);
    const fdb = 'fdb replace 8a:1b:af:8c:b2:78 dev flannel.1 dst 10.77.0.12 self permanent';
    assert.equal(await told(host, () => void host.bridge(fdb)), 'not told');
    assert.equal(await told(host, () => void host.ip('link set flannel.1 mtu 1400')), 'not told');
    const forwarding = (): void =>
      loadNative().inNamespace(host.path, () => writeFileSync('/proc/sys/net/ipv4/conf/flannel.1/forwarding', '1'));
    assert.equal(await told(host, forwarding), 'not told');
  }));

test('only notifications of interest wake the listener that names them', () =>
  withHost(async (host) => {
    host.addVxlan();
    let woken = 0;
    const concerns = (message: { readonly type: number }): boolean => message.type === RTM_NEWROUTE;
    const stop = watchNetwork(() => woken++, { namespace: host.path, concerns });
    try {
      host.ip('link set flannel.1 mtu 1400');
      await sleep(100);
      assert.equal(woken, 0);
      host.ip('route add 172.30.24.0/24 dev flannel.1');
      await sleep(100);
      assert.equal(woken, 1);
    } finally {
      stop();
    }
  }));

test('notifications lost for want of room count as a change, and the listener goes on hearing', () =>
  withHost(async (host) => {
    const { index } = host.addVxlan();
    const native = loadNative();
    // A receive buffer so small that the flood below cannot fit, polled as watchNetwork does it.
    const fd = native.inNamespace(host.path, () => native.openNetlink(0, 4096, 100));
    let overruns = 0;
    let heard = 0;
    try {
      native.joinGroup(fd, 3);
      const buffer = Buffer.alloc(8192);
      const wake = (): void => {
        for (;;) {
          try {
            if (native.receive(fd, buffer, false) === 0) return;
            heard++;
          } catch (error) {
            assert.ok(error instanceof Error && 'code' in error && error.code === 'ENOBUFS', String(error));
            overruns++;
          }
        }
      };
      native.poll(fd, wake, false);
      const peers = Array.from({ length: 500 }, (_, at) => ({ address: ip('172.16.0.0') + at, mac: MAC }));
      host.socket.train(peers, (writer, peer) => encodeNeighborReplace(writer, index, peer));
      await sleep(50);
      assert.ok(overruns > 0, 'the flood fitted');
      const before = heard;
      host.apply((writer) => encodeNeighborDelete(writer, index, { address: ip('172.16.0.1') }));
      await sleep(50);
      assert.ok(heard > before, 'deaf after an overrun');
    } finally {
      native.close(fd);
    }
  }));

test('a socket belongs to the namespace it was opened in, and the process to its own, whatever happens there', () =>
  withHost((host) => {
    const native = loadNative();
    const home = (): string => readlinkSync('/proc/thread-self/ns/net');
    const before = home();
    const inside = native.inNamespace(host.path, home);
    assert.notEqual(inside, before);
    assert.equal(home(), before);
    assert.throws(
      () =>
        native.inNamespace(host.path, () => {
          throw new Error('thrown inside');
        }),
      /thrown inside/,
    );
    assert.equal(home(), before);
    assert.throws(() => native.inNamespace('/proc/self/ns/mnt', home), { code: 'EINVAL', syscall: 'setns' });
    assert.equal(home(), before);
    assert.throws(
      () => new NetlinkSocket('/run/netns/weft-none'),
      (error) => error instanceof Fault && error.code === 'kernel.netlink' && error.where === '/run/netns/weft-none',
    );
    assert.equal(getLink(host.socket, 'eth0')?.kind, 'veth');
  }));
