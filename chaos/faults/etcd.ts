/** Faults of etcd, and of what it knows about a host: living hosts go on talking to each other. */
import { membersOf } from '#lab/etcd-access.ts';
import { readFabric } from '#lab/fabric.ts';
import { killMembers, memberName, startMembers } from '#lab/lab-etcd.ts';
import type { HostPlan } from '#lab/plan.ts';
import { podNetwork } from '#lab/pods.ts';
import { killAgent, restartAgent } from '#lab/running-lab.ts';
import { monotonicMs } from '../traffic/traffic.ts';
import { paused } from './agents.ts';
import type { ChaosFault, Scene } from './fault.ts';

const START_TIMEOUT_MS = 30_000;

type Choice = (scene: Scene) => Promise<readonly string[]>;

const oneFollower: Choice = async (scene) => {
  const leader = await leaderOf(scene);
  return [scene.random.pick(allOf(scene).filter((member) => member !== leader))];
};
const theLeader: Choice = async (scene) => [await leaderOf(scene)];
const allMembers: Choice = async (scene) => allOf(scene);

export const ETCD_FAULTS: readonly ChaosFault[] = [
  killing('etcd-kill-follower', 'a follower of etcd', oneFollower),
  killing('etcd-kill-leader', 'the leader of etcd', theLeader),
  killing('etcd-kill-all', 'all members of etcd', allMembers),
  pausing('etcd-pause-follower', 'a follower of etcd', oneFollower),
  pausing('etcd-pause-leader', 'the leader of etcd', theLeader),
  pausing('etcd-pause-all', 'all members of etcd', allMembers),
  {
    name: 'etcd-compact',
    kind: 'control',
    summary: 'compaction of etcd up to now',
    async inflict(scene) {
      const revision = await scene.withEtcd(async (etcd) => {
        const now = (await etcd.range({ key: 'health', countOnly: true })).revision;
        // A second compaction at the same revision is an error of etcd's.
        const { revision } = await etcd.put({ key: `/chaos/${now}`, value: '' });
        await etcd.compact(revision);
        return revision;
      });
      return { detail: `at revision ${revision}` };
    },
  },
  {
    name: 'etcd-defrag',
    kind: 'control',
    summary: 'defragmentation of every member of etcd, one after the other',
    async inflict(scene) {
      const [host] = membersOf(scene.state().plan);
      if (host === undefined) throw new Error('a lab has members');
      await scene.run(host, 'etcdctl', 'defrag');
      return { detail: 'all members' };
    },
  },
  {
    name: 'lease-revoke',
    kind: 'control',
    summary: "revocation of an agent's etcd lease, which takes its record along",
    async inflict(scene) {
      const host = scene.random.pick(scene.state().plan.hosts);
      const key = await recordKey(scene, host);
      await scene.withEtcd(async (etcd) => {
        const [record] = (await etcd.range({ key })).kvs;
        if (record === undefined || record.lease === 0n) throw new Error(`${key} has no lease to revoke`);
        await etcd.leaseRevoke(record.lease);
      });
      return { detail: host.name };
    },
  },
  {
    name: 'record-delete',
    kind: 'control',
    summary: "deletion of an agent's record in etcd",
    async inflict(scene) {
      const host = scene.random.pick(scene.state().plan.hosts);
      const key = await recordKey(scene, host);
      const { deleted } = await scene.withEtcd((etcd) => etcd.delete({ key }));
      if (deleted !== 1) throw new Error(`there is no ${key} to delete`);
      return { detail: host.name };
    },
  },
  {
    name: 'device-delete-without-etcd',
    kind: 'data',
    summary: 'deletion of flannel.1 on a host while all members of etcd are down',
    async inflict(scene) {
      const host = scene.random.pick(scene.state().plan.hosts);
      await killMembers(scene.lab);
      try {
        const healableFromMs = monotonicMs();
        await scene.run(host, 'ip', 'link', 'del', 'flannel.1');
        // Long enough to be repaired by what the agent knows alone.
        await scene.hold(1500, 4000);
        return { detail: host.name, host, healableFromMs };
      } finally {
        await startMembers(scene.lab, scene.signal);
      }
    },
  },
  {
    name: 'start-without-etcd',
    kind: 'control',
    summary: 'all members of etcd down, and an agent killed and started meanwhile',
    async inflict(scene) {
      const host = scene.random.pick(scene.state().plan.hosts);
      await killMembers(scene.lab);
      try {
        await killAgent(scene.lab, host.name);
        await restartAgent(scene.lab, host.name, scene.signal, START_TIMEOUT_MS);
        await scene.hold(500, 5000);
      } finally {
        await startMembers(scene.lab, scene.signal);
      }
      return { detail: host.name };
    },
  },
];

function killing(name: string, what: string, choose: Choice): ChaosFault {
  return {
    name,
    kind: 'control',
    summary: `SIGKILL of ${what}, and the start on the same data 0.5 to 5 s later`,
    async inflict(scene) {
      const members = await choose(scene);
      for (const member of members) await killMembers(scene.lab, member);
      try {
        await scene.hold(500, 5000);
      } finally {
        await startMembers(scene.lab, scene.signal);
      }
      return { detail: members.join(', ') };
    },
  };
}

function pausing(name: string, what: string, choose: Choice): ChaosFault {
  return {
    name,
    kind: 'control',
    summary: `SIGSTOP of ${what} for 1 to 10 s`,
    async inflict(scene) {
      const members = await choose(scene);
      await paused(scene, ...members);
      return { detail: members.join(', ') };
    },
  };
}

function allOf(scene: Scene): readonly string[] {
  return membersOf(scene.state().plan).map(memberName);
}

async function leaderOf(scene: Scene): Promise<string> {
  const { plan } = scene.state();
  const { members } = await readFabric(plan);
  const leader = membersOf(plan).find((host) => members.get(host.name) === 'leader');
  if (leader === undefined) throw new Error('etcd has no leader');
  return memberName(leader);
}

/** The key of the host's record, by its subnet file: also while etcd does not have it. */
async function recordKey(scene: Scene, host: HostPlan): Promise<string> {
  const subnet = (await podNetwork(host))?.ipv4?.subnet;
  if (subnet === undefined) throw new Error(`${host.name} has no subnet`);
  return `${scene.state().plan.prefix}/subnets/${subnet.replace('/', '-')}`;
}
