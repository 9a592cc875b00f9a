/** Starts and ends the docker daemon of a lab host. It takes its bridge from the lease, so the agent has to be ready. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dockerOptions } from '#docker/docker-options.ts';
import { firstOf, logTail } from '#lab/await-program.ts';
import type { HostPlan } from '#lab/plan.ts';
import { isRunning, processesWith, signalProcesses, waitUntilGone } from '#lab/process-identity.ts';
import { awaitReady } from '#lab/ready.ts';
import { startDetached } from '#lab/start-detached.ts';
import { LAB_MARK, type LabProcess, type LabState, updateState } from '#lab/state.ts';
import { runCommand } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import { cgroupProcesses } from './cgroups.ts';
import { ENGINE_MARK, engineArgv, engineFiles, hostCgroup } from './engine-plan.ts';

const READY_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 60_000;
const PROGRAMS = ['dockerd', 'docker', 'busybox'];

/** Fault `lab.docker` when something that `--pods docker` needs is not installed. */
export async function requireDocker(): Promise<void> {
  const answers = await Promise.all(
    PROGRAMS.map((name) => runCommand({ argv: ['sh', '-c', 'command -v "$0"', name], why: `look for ${name}` })),
  );
  const missing = PROGRAMS.filter((_, index) => answers[index]?.code !== 0);
  if (missing.length === 0) return;
  throw new Fault('lab.docker', { what: `--pods docker needs ${missing.join(', ')}, and PATH has none` });
}

/** Starts the daemon and waits until it answers; it is recorded in the state as soon as it runs. */
export async function startEngine(state: LabState, host: HostPlan, signal: AbortSignal): Promise<LabProcess> {
  const files = engineFiles(host);
  mkdirSync(files.directory, { recursive: true });
  const options = optionsOfLease(host);
  writeFileSync(files.options, options);
  writeFileSync(files.configuration, '{}\n');
  const mark = `${state.id}/${host.name}`;
  await clearAway(state, host, mark);
  using readiness = awaitReady(files.notifySocket);
  const { identity, ended } = startDetached({
    namespace: host.namespace,
    argv: engineArgv(state.plan, host, options),
    environment: { [LAB_MARK]: state.id, [ENGINE_MARK]: mark, NOTIFY_SOCKET: files.notifySocket },
    logFile: files.log,
  });
  const record: LabProcess = { role: 'docker', host: host.name, ...identity };
  updateState(state.plan.name, (now) => ({
    ...now,
    processes: [...now.processes.filter((other) => !isEngineOf(other, host)), record],
  }));
  const outcome = await firstOf(readiness.ready, ended, { signal, timeoutMs: READY_TIMEOUT_MS });
  if (outcome === 'ready') return record;
  throw new Fault('lab.up', {
    what: `the docker daemon of ${host.name} did not get ready`,
    where: files.log,
    why: [outcome, ...logTail(files.log)].join('\n    '),
  });
}

/** The daemon of a host, when it runs. */
export function runningEngine(state: LabState, host: HostPlan): LabProcess | undefined {
  return state.processes.find((process) => isEngineOf(process, host) && isRunning(process));
}

/** Asks the daemon to end, as a service manager does: its containers end first. */
export async function stopEngine(state: LabState, host: HostPlan): Promise<void> {
  const engine = runningEngine(state, host);
  if (engine === undefined) return;
  signalProcesses([engine], 'SIGTERM');
  const left = await waitUntilGone([engine], STOP_TIMEOUT_MS);
  if (left.length === 0) return;
  throw new Fault('command.failed', {
    what: `the docker daemon of ${host.name} does not end`,
    where: `process ${engine.pid}`,
    why: logTail(engineFiles(host).log).join('\n    '),
  });
}

/**
 * What a daemon that was killed leaves: containers and their keepers, in mounts that no other daemon sees, and its pid,
 * which may be another process's by now. The containers come back with the daemon.
 */
async function clearAway(state: LabState, host: HostPlan, mark: string): Promise<void> {
  const { directory } = engineFiles(host);
  const left = [...processesWith(ENGINE_MARK, mark), ...cgroupProcesses(hostCgroup(state.plan, host))];
  signalProcesses(left, 'SIGKILL');
  await waitUntilGone(left, STOP_TIMEOUT_MS);
  rmSync(`${directory}/exec`, { recursive: true, force: true });
  rmSync(`${directory}/pid`, { force: true });
}

function isEngineOf(process: LabProcess, host: HostPlan): boolean {
  return process.role === 'docker' && process.host === host.name;
}

function optionsOfLease({ subnetFile }: HostPlan): string {
  return dockerOptions(
    readFileSync(subnetFile, 'utf8'),
    {},
    {
      individual: false,
      combined: true,
      key: 'DOCKER_NETWORK_OPTIONS',
      masquerade: true,
    },
  );
}
