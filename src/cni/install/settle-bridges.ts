/** The bridges that follow from the subnet file: repaired where that harms nobody, else told. */
import type { SubnetEnv } from '#cni/flannel/subnet-env.ts';
import type { Finding } from './finding.ts';
import type { InstallRequest, Machine } from './install-request.ts';
import { dockerMisfit, misfit } from './stale-bridge.ts';

/** Bridges with a former address: deleted when nothing is attached, named when something is. */
export async function settleBridges(
  env: SubnetEnv,
  request: InstallRequest,
  machine: Machine,
  found: Finding[],
): Promise<readonly string[]> {
  const repairs: string[] = [];
  const judges = [
    {
      name: request.kind.bridge,
      judge: misfit,
      held: false,
      restart: 'delete those containers, then weft cni install',
    },
    {
      name: 'docker0',
      judge: dockerMisfit,
      held: machine.dockerRuns(),
      restart: 'stop docker, then weft cni install, then start docker',
    },
  ];
  for (const { name, judge, held, restart } of judges) {
    const bridge = name === undefined ? undefined : await machine.lookAtBridge(name);
    const why = bridge === undefined ? undefined : judge(bridge, env);
    if (bridge === undefined || why === undefined) continue;
    const attached = bridge.ports.length > 0;
    if (!attached && !held && !request.check) {
      await machine.deleteBridge(bridge.name);
      repairs.push(
        `deleted ${bridge.name}, to which nothing was attached, since ${why}; it is made anew when it is needed`,
      );
      continue;
    }
    const ports = attached ? `; attached: ${bridge.ports.join(', ')}` : '';
    found.push({
      what: `${bridge.name} has not the address of the subnet`,
      where: bridge.name,
      cause: `${why}${ports}`,
      remedy: attached || held ? restart : 'weft cni install (nothing is attached)',
      severity: 'problem',
    });
  }
  return repairs;
}
