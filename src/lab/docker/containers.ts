/** The Pod of a host as a container: docker gives it its address and its cable, and we give its namespace the Pod's name. */
import { existsSync, statSync } from 'node:fs';
import { namespacePath } from '#hosts/namespace.ts';
import type { HostPlan, LabPlan } from '#lab/plan.ts';
import { LAB_MARK, type LabState, updateState } from '#lab/state.ts';
import { type CommandOutput, mustRun, runCommand } from '#runtime/command.ts';
import { runningEngine, startEngine } from './engine.ts';
import { dockerHost, engineFiles, POD_IMAGE } from './engine-plan.ts';
import { podImageFile } from './pod-image.ts';

const DOCKER_TIMEOUT_MS = 60_000;

/** Whoever may be missing is made: daemon, image, container. */
export async function startPodContainer(state: LabState, host: HostPlan, signal: AbortSignal): Promise<void> {
  if (runningEngine(state, host) === undefined) await startEngine(state, host, signal);
  if ((await docker(host, 'image', 'inspect', POD_IMAGE)).code !== 0) await importImage(state.plan, host);
  if ((await docker(host, 'container', 'inspect', host.pod.name)).code !== 0) await runContainer(state, host);
  await locateContainer(state, host);
}

/**
 * The container's address; undefined while it does not run. Every start of a container makes a namespace, so the Pod's
 * name is moved to the present one.
 */
export async function locateContainer(state: LabState, host: HostPlan): Promise<string | undefined> {
  if (runningEngine(state, host) === undefined) return undefined;
  const format = '{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  const { code, stdout } = await docker(host, 'container', 'inspect', `--format=${format}`, host.pod.name);
  const [pid = '0', address = ''] = stdout.trim().split(' ');
  if (code !== 0 || pid === '0' || !existsSync(`/proc/${pid}/ns/net`)) return undefined;
  await nameNamespace(state.plan, host, pid);
  return address === '' ? undefined : address;
}

async function nameNamespace(plan: LabPlan, host: HostPlan, pid: string): Promise<void> {
  const name = host.pod.namespace;
  const present = statSync(namespacePath(name), { throwIfNoEntry: false });
  const wanted = statSync(`/proc/${pid}/ns/net`, { throwIfNoEntry: false });
  if (wanted === undefined || present?.ino === wanted.ino) return;
  // In this order a crash leaves a name that the state takes for ours.
  updateState(plan.name, (now) => {
    const { [name]: _, ...namespaces } = now.namespaces;
    return { ...now, namespaces };
  });
  const why = `name the namespace of ${host.pod.name}`;
  if (present !== undefined) await mustRun({ argv: ['ip', 'netns', 'del', name], why });
  await mustRun({ argv: ['ip', 'netns', 'attach', name, pid], why });
  updateState(plan.name, (now) => ({ ...now, namespaces: { ...now.namespaces, [name]: String(wanted.ino) } }));
}

async function importImage(plan: LabPlan, host: HostPlan): Promise<void> {
  const argv = ['docker', 'import', await podImageFile(plan), POD_IMAGE];
  await mustRun({ argv, ...surroundings(host), why: `give ${host.name} the image of the Pods` });
}

/** It comes back by itself when the daemon does, and it ends at once: busybox as process 1 takes no SIGTERM. */
async function runContainer({ id }: LabState, host: HostPlan): Promise<void> {
  const { name } = host.pod;
  const flags = ['--detach', '--restart=always', '--stop-signal=KILL', `--name=${name}`, `--hostname=${name}`];
  const argv = ['docker', 'run', ...flags, `--env=${LAB_MARK}=${id}`, POD_IMAGE, 'sleep', '2147483647'];
  await mustRun({ argv, ...surroundings(host), why: `start the container ${name}` });
}

function docker(host: HostPlan, ...words: readonly string[]): Promise<CommandOutput> {
  return runCommand({
    argv: ['docker', ...words],
    ...surroundings(host),
    why: `ask the docker daemon of ${host.name}`,
  });
}

/** The user's own contexts and credentials stay out of it. */
function surroundings(host: HostPlan) {
  return {
    environment: { DOCKER_HOST: dockerHost(host), DOCKER_CONFIG: `${engineFiles(host).directory}/client` },
    timeoutMs: DOCKER_TIMEOUT_MS,
  };
}
