import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeNode } from '#kube/api.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { annotationNames } from './kube-annotations.ts';
import { peerOfNode } from './kube-peer.ts';
import { KubePeerTable } from './kube-peer-table.ts';
import { leaseOf, seededRandom } from './lease-builders.ts';
import { PeerView } from './peer-view.ts';

const NAMES = annotationNames('flannel.alpha.coreos.com');

function node(name: string, podCidr: string, publicIp: string, version: number, createdMs: number): KubeNode {
  const annotations = {
    [NAMES.managed]: publicIp === 'absent' ? 'false' : 'true',
    [NAMES.publicIp]: publicIp,
    [NAMES.backendType]: 'vxlan',
  };
  const podCidrs = podCidr === '' ? [] : [podCidr];
  return {
    name,
    uid: name,
    resourceVersion: String(version),
    createdMs,
    annotations,
    podCidrs,
    networkUnavailable: undefined,
  };
}

test('an event that is older than what is known changes nothing', () => {
  const table = new KubePeerTable();
  table.put(peerOfNode(node('a', '10.244.2.0/24', '10.77.0.12', 1000, 0), NAMES), 1);
  assert.deepEqual(table.put(peerOfNode(node('a', '10.244.2.0/24', '10.77.0.13', 999, 0), NAMES), 2), []);
  assert.equal(table.leases(2)[0]?.attributes.publicIp, 0x0a4d000c);
});

for (const seed of [1, 2, 3, 4, 5]) {
  test(`whoever follows the changes knows what is listed, whatever happens (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const pick = <T>(values: readonly T[]): T | undefined => values[Math.floor(random() * values.length)];
    const table = new KubePeerTable();
    const view = new PeerView();
    view.setOwn(leaseOf('10.244.9.0-24', '10.77.0.99'));
    for (let step = 1; step <= 600; step += 1) {
      const name = pick(['a', 'b', 'c', 'd', 'e']) ?? '';
      const podCidr = pick(['10.244.1.0/24', '10.244.2.0/24', '10.244.3.0/24', '']) ?? '';
      const publicIp = pick(['10.77.0.1', '10.77.0.2', 'garbage', 'absent']) ?? '';
      const createdMs = pick([1000, 2000, 3000]) ?? 0;
      const changes =
        random() < 0.25
          ? table.remove(name, step)
          : table.put(peerOfNode(node(name, podCidr, publicIp, step, createdMs), NAMES), step);
      view.apply({ type: 'changes', revision: step, changes });
      const text = (leases: PeerView['peers']): readonly string[] =>
        leases.map(({ subnet, attributes }) => `${formatSubnetKey(subnet)} ${attributes.publicIp}`).sort();
      assert.deepEqual(text(view.peers), text(table.leases(step)), `after step ${step}`);
    }
  });
}
