/** Faults of agents: what they have programmed stays, so no packet may be lost. */
import { agentOf } from '#lab/agents.ts';
import { pauseProcess, resumeProcess } from '#lab/pause.ts';
import { signalProcesses, waitUntilGone } from '#lab/process-identity.ts';
import { killAgent, restartAgent } from '#lab/running-lab.ts';
import type { ChaosFault, Scene } from './fault.ts';

const START_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 10_000;

export const AGENT_FAULTS: readonly ChaosFault[] = [
  {
    name: 'agent-kill',
    kind: 'control',
    summary: 'SIGKILL of an agent, and its start 0.2 to 3 s later',
    async inflict(scene) {
      const host = scene.random.pick(scene.state().plan.hosts);
      await killAgent(scene.lab, host.name);
      await scene.hold(200, 3000);
      await restartAgent(scene.lab, host.name, scene.signal, START_TIMEOUT_MS);
      return { detail: host.name };
    },
  },
  {
    name: 'agent-pause',
    kind: 'control',
    summary: 'SIGSTOP of an agent for 1 to 10 s',
    async inflict(scene) {
      const host = scene.random.pick(scene.state().plan.hosts);
      await paused(scene, host.name);
      return { detail: host.name };
    },
  },
  {
    name: 'agent-upgrade',
    kind: 'control',
    summary: 'SIGTERM of an agent and the start of the next one at once, as an upgrade does',
    async inflict(scene) {
      const host = scene.random.pick(scene.state().plan.hosts);
      const agent = agentOf(scene.state(), host);
      if (agent === undefined) throw new Error(`no agent is recorded for ${host.name}`);
      signalProcesses([agent], 'SIGTERM');
      const left = await waitUntilGone([agent], END_TIMEOUT_MS);
      if (left.length > 0) throw new Error(`the agent of ${host.name} does not end on SIGTERM`);
      await restartAgent(scene.lab, host.name, scene.signal, START_TIMEOUT_MS);
      return { detail: host.name };
    },
  },
];

/** Holds an agent (`host2`) or a member (`etcd2`) for 1 to 10 s; it goes on whatever happens meanwhile. */
export async function paused(scene: Scene, ...targets: readonly string[]): Promise<void> {
  for (const target of targets) pauseProcess(scene.lab, target);
  try {
    await scene.hold(1000, 10_000);
  } finally {
    for (const target of targets) resumeProcess(scene.lab, target);
  }
}
