/** What can be done to a lab that is up: one more host, an agent killed or started, a cable cut or mended. */
import { mkdir } from 'node:fs/promises';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { Fault } from '#runtime/fault.ts';
import { agentOf, startAgent } from './agents.ts';
import { findHost } from './find-host.ts';
import { finishLab } from './lab.ts';
import type { LabControl } from './lab-control.ts';
import { addMachine, identifyNamespaces, refuseForeignNamespaces, setUplink } from './machines.ts';
import { type HostPlan, MOST_HOSTS, planHost, prefixLength, roomForHosts } from './plan.ts';
import { hasPod, routePods, startPod } from './pods.ts';
import { isRunning, signalProcesses, waitUntilGone } from './process-identity.ts';
import type { LabSnapshot } from './snapshot.ts';
import { type LabProcess, type LabState, requireState, updateState } from './state.ts';

const KILL_TIMEOUT_MS = 5000;

/** The next host joins: machine, agent, Pod, and the whole matrix again. */
export async function addHost(name: string, control: LabControl): Promise<LabSnapshot> {
  const host = nextHost(requireState(name));
  refuseForeignNamespaces([host.namespace, host.pod.namespace]);
  const state = updateState(name, (now) => ({ ...now, plan: { ...now.plan, hosts: [...now.plan.hosts, host] } }));
  control.step(`${host.name} at the switch`);
  await mkdir(host.directory, { recursive: true });
  await addMachine(state.plan, host);
  const inodes = identifyNamespaces([host.namespace, host.pod.namespace]);
  updateState(name, (now) => ({ ...now, namespaces: { ...now.namespaces, ...inodes } }));
  control.step(`agent on ${host.name}`);
  await startAgent(state, host, control.signal);
  await startPod(state, host, control.signal);
  await routePods(state.plan);
  control.step(`${state.plan.hosts.length * (state.plan.hosts.length - 1)} Pod pairs`);
  return finishLab(name, control.signal);
}

/** SIGKILL to the agent of a host; what it programmed stays. */
export async function killAgent(name: string, hostName: string): Promise<LabProcess> {
  const state = requireState(name);
  const agent = agentOf(state, findHost(state.plan, hostName));
  if (agent === undefined || !isRunning(agent)) {
    throw new Fault('lab.host', {
      what: `no agent runs on ${hostName}`,
      remedy: `start one: weft lab start-agent ${hostName}`,
    });
  }
  signalProcesses([agent], 'SIGKILL');
  await waitUntilGone([agent], KILL_TIMEOUT_MS);
  return agent;
}

/** Starts the agent of a host again and waits until it is ready. */
export async function restartAgent(
  name: string,
  hostName: string,
  signal: AbortSignal,
  timeoutMs?: number,
): Promise<LabProcess> {
  const state = requireState(name);
  const host = findHost(state.plan, hostName);
  const agent = agentOf(state, host);
  if (agent !== undefined && isRunning(agent)) {
    throw new Fault('lab.host', {
      what: `the agent on ${hostName} runs already, as process ${agent.pid}`,
      remedy: `kill it first: weft lab kill-agent ${hostName}`,
    });
  }
  const started = await startAgent(state, host, signal, timeoutMs);
  // An agent that never got ready before has left its Pod unmade.
  if (!(await hasPod(host))) await startPod(state, host, signal);
  await routePods(state.plan);
  return started;
}

/** Takes a host's cable out of the switch. */
export async function cutHost(name: string, hostName: string): Promise<HostPlan> {
  return plug(name, hostName, 'down');
}

/** Puts it in again. */
export async function healHost(name: string, hostName: string): Promise<HostPlan> {
  return plug(name, hostName, 'up');
}

async function plug(name: string, hostName: string, state: 'up' | 'down'): Promise<HostPlan> {
  const { plan } = requireState(name);
  const host = findHost(plan, hostName);
  await setUplink(plan, host, state);
  return host;
}

function nextHost(state: LabState): HostPlan {
  const { plan } = state;
  const number = (plan.hosts.at(-1)?.number ?? 0) + 1;
  const most = Math.min(MOST_HOSTS, roomForHosts(prefixLength(plan.subnet)));
  const subnet = parseIpv4Cidr(plan.subnet);
  if (number <= most && subnet !== undefined) return planHost(plan, subnet, number);
  throw new Fault('usage.flag', {
    what: `the lab ${plan.name} has ${plan.hosts.length} hosts, and there is room for ${most}`,
  });
}
