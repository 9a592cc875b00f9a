/** Snapshots of labs that never were, for the tests of the drawings. */
import type { PingCell } from './matrix.ts';
import type { HostSnapshot, LabSnapshot } from './snapshot.ts';

/** A lab of so many hosts in order: the second leads etcd, round trips are 60 to 149 µs. */
export function snapshotOf(
  count: number,
  change: (host: HostSnapshot, index: number) => HostSnapshot = same,
): LabSnapshot {
  const hosts = Array.from({ length: count }, (_, index) => change(hostAt(index), index));
  const reachable = hosts.map((host) => host.uplink === 'up' && host.pod.address !== undefined);
  const cells = hosts.map((_, from) =>
    hosts.map((__, to): PingCell => {
      if (from === to) return 'self';
      return reachable[from] && reachable[to] ? 60 + ((from * 31 + to * 17) % 90) : 'lost';
    }),
  );
  return {
    name: 'blue',
    subnet: '10.77.0.0/16',
    podNetworks: ['172.30.0.0/16'],
    backend: 'vxlan',
    prefix: '/kubernetes/network',
    hosts,
    matrix: { pods: hosts.map((host) => host.pod.name), cells },
  };
}

function hostAt(index: number): HostSnapshot {
  const third = (index * 37 + 71) % 256;
  return {
    name: `host${index + 1}`,
    address: `10.77.0.${index + 11}`,
    uplink: 'up',
    etcd: index === 1 ? 'leader' : index < 3 ? 'follower' : 'none',
    lease: `172.30.${third}.0/24`,
    deviceMac: `7e:74:c7:9e:78:${(index + 16).toString(16)}`,
    pod: { name: `pod${index + 1}`, address: `172.30.${third}.2` },
    agent: { running: true, pid: 4000 + index, rssBytes: 46 * 1024 * 1024, readyMs: 84 + index },
  };
}

function same(host: HostSnapshot): HostSnapshot {
  return host;
}
