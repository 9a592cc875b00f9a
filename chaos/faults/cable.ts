/** A host's cable out of the switch and in again. */
import { cutHost, healHost } from '#lab/running-lab.ts';
import { monotonicMs } from '../traffic/traffic.ts';
import type { ChaosFault } from './fault.ts';

export const CABLE_FAULTS: readonly ChaosFault[] = [
  {
    name: 'cable-cut',
    kind: 'cable',
    summary: "a host's cable out of the switch for 0.5 to 3 s",
    async inflict(scene) {
      const host = scene.random.pick(scene.state().plan.hosts);
      await cutHost(scene.lab, host.name);
      try {
        await scene.hold(500, 3000);
      } finally {
        await healHost(scene.lab, host.name);
      }
      return { detail: host.name, host, healableFromMs: monotonicMs() };
    },
  },
];
