/** The chaos run: a lab, traffic on all flows, a calm phase that sets the measure, then fault after fault, each judged. */
import { setTimeout as pause } from 'node:timers/promises';
import { connectEtcd } from '#etcd/client.ts';
import { agentOf } from '#lab/agents.ts';
import { localEtcdOptions } from '#lab/etcd-access.ts';
import { labEnvironment } from '#lab/lab-environment.ts';
import { hostOf } from '#lab/machines.ts';
import type { HostPlan, LabPlan } from '#lab/plan.ts';
import { isRunning } from '#lab/process-identity.ts';
import { killAgent, restartAgent } from '#lab/running-lab.ts';
import { requireState } from '#lab/state.ts';
import { weftProgram } from '#lab/weft-program.ts';
import { mustRun } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import { differences, type FabricState, readFabricState, requireWholeState } from './fabric-state.ts';
import type { ChaosFault, Inflicted, Scene } from './faults/fault.ts';
import type { Random } from './random.ts';
import type { Step } from './schedule.ts';
import { INTERVAL_MS, monotonicMs, Traffic } from './traffic/traffic.ts';
import { calibrate, judge, type Observation, type Threshold, type Verdict } from './verdict.ts';

export interface ChaosOptions {
  /** Name of the lab, which is up. */
  readonly lab: string;
  readonly signal: AbortSignal;
  /** Faults last as short as they can, and the calm phase is short. */
  readonly brief: boolean;
  readonly onCalm?: (threshold: Threshold) => void;
  readonly onEvent?: (event: ChaosEvent) => void;
}

export interface ChaosEvent extends Verdict {
  /** From 1. */
  readonly number: number;
  readonly fault: string;
  readonly kind: ChaosFault['kind'];
  readonly detail: string;
  /** ISO 8601, as the logs have it. */
  readonly beganAt: string;
  /** From the first act of the fault to the end of the last. */
  readonly lastedMs: number;
}

export interface ChaosResult {
  readonly threshold: Threshold;
  readonly events: readonly ChaosEvent[];
}

const CALM_MS = 6000;
const BRIEF_CALM_MS = 2000;
/** As many processes as a fault starts at most: three members of etcd. */
const STARTS_AT_ONCE = 3;
const CALM_PAUSE_MS = 300;
/** All flows have to be whole that long before the next fault comes; what follows a fault late is seen within it. */
const QUIET_MS = 1000;
const BRIEF_QUIET_MS = 500;
const LOOK_MS = 100;
/** How long a fault may take to heal before it counts as not healed. */
const PATIENCE_MS = 15_000;
const RESTART_TIMEOUT_MS = 30_000;
/** The traffic program keeps a gap open for a moment before it tells of it. */
const TELL_MS = 100;

/** Goes through the steps until there is none left or the signal is aborted: what was seen until then is the result. */
export async function runChaos(steps: Iterable<Step<ChaosFault>>, options: ChaosOptions): Promise<ChaosResult> {
  await using traffic = await Traffic.inLab(requireState(options.lab), options.signal);
  const threshold = await calm(traffic, options);
  options.onCalm?.(threshold);
  const events: ChaosEvent[] = [];
  for (const step of steps) {
    if (options.signal.aborted) break;
    const event = await runStep(step, traffic, threshold, options).catch((error: unknown) => {
      if (options.signal.aborted) return undefined;
      throw error;
    });
    if (event === undefined) break;
    events.push(event);
    options.onEvent?.(event);
  }
  return { threshold, events };
}

/**
 * Nothing is broken, and yet the machine is as busy as it will be: the starts of agents take processor time, and on a small
 * machine packets wait for that as well.
 */
async function calm(traffic: Traffic, { brief, signal }: ChaosOptions): Promise<Threshold> {
  // The first packets of a flow wait for neighbours to answer.
  await pause(QUIET_MS, undefined, { signal });
  await traffic.look();
  const from = traffic.gaps.length;
  const endMs = monotonicMs() + (brief ? BRIEF_CALM_MS : CALM_MS);
  while (monotonicMs() < endMs) {
    const argv = [weftProgram(), 'version'];
    await Promise.all(Array.from({ length: STARTS_AT_ONCE }, () => mustRun({ argv, why: 'keep the machine busy' })));
    await pause(CALM_PAUSE_MS, undefined, { signal });
  }
  await pause(TELL_MS, undefined, { signal });
  return calibrate(traffic.gaps.slice(from), await traffic.look());
}

async function runStep(
  { number, fault, random }: Step<ChaosFault>,
  traffic: Traffic,
  threshold: Threshold,
  options: ChaosOptions,
): Promise<ChaosEvent> {
  const scene = sceneOf(random, options);
  const { plan } = scene.state();
  const whole = requireWholeState(await readFabricState(plan));
  const watch: Watch = { traffic, threshold, whole, plan, options };
  const firstGap = traffic.gaps.length;
  const beganAt = new Date().toISOString();
  const begunMs = monotonicMs();
  const { inflicted, failure } = await inflict(fault, scene);
  const endedMs = monotonicMs();
  const settled = await settle(watch);
  const healableFromMs = inflicted.healableFromMs ?? begunMs;
  const verdict = judge(
    {
      kind: fault.kind,
      ...(inflicted.host !== undefined && { host: inflicted.host.number }),
      healableFromMs,
      lookedFromMs: endedMs,
      gaps: traffic.gaps.slice(firstGap),
      ...settled,
      ...(failure !== undefined && { failure }),
    },
    threshold,
  );
  await inflicted.clear?.();
  if (verdict.healedMs === null || failure !== undefined) await putRight(watch, scene);
  const { name, kind } = fault;
  return { number, fault: name, kind, detail: inflicted.detail, beganAt, lastedMs: endedMs - begunMs, ...verdict };
}

/** A fault that cannot be inflicted, or whose end fails, is a finding: an agent that does not start again, say. */
async function inflict(
  fault: ChaosFault,
  scene: Scene,
): Promise<{ readonly inflicted: Inflicted; readonly failure?: string }> {
  try {
    return { inflicted: await fault.inflict(scene) };
  } catch (error) {
    if (scene.signal.aborted) throw error;
    const failure = error instanceof Fault ? error.summary : String(error);
    return { inflicted: { detail: 'failed' }, failure };
  }
}

interface Watch {
  readonly traffic: Traffic;
  readonly threshold: Threshold;
  /** Kernels and records before the fault. */
  readonly whole: FabricState;
  readonly plan: LabPlan;
  readonly options: ChaosOptions;
}

type Settled = Pick<Observation, 'silent' | 'left' | 'asBeforeMs'>;

/** Waits until every flow was whole for a while and kernels and records are as before; or says what is not when the patience ends. */
async function settle({ traffic, threshold, whole, plan, options }: Watch): Promise<Settled> {
  const quietMs = (options.brief ? BRIEF_QUIET_MS : QUIET_MS) + TELL_MS;
  const deadline = monotonicMs() + PATIENCE_MS;
  let asBeforeMs: number | undefined;
  for (let wholeSince = monotonicMs(); ; ) {
    await pause(LOOK_MS, undefined, { signal: options.signal });
    const silent = (await traffic.look()).filter(({ ageMs }) => ageMs > threshold.silenceMs + INTERVAL_MS);
    const now = monotonicMs();
    if (silent.length > 0) wholeSince = now;
    const isOver = (silent.length === 0 && now - wholeSince >= quietMs) || now > deadline;
    // Looked at until it is as before, and once more at the end: it may have come later.
    if (asBeforeMs !== undefined && !isOver) continue;
    const left = differences(whole, await readFabricState(plan));
    if (left.length > 0) asBeforeMs = undefined;
    else asBeforeMs ??= now;
    if (isOver && (asBeforeMs !== undefined || now > deadline)) {
      return { silent, left, ...(asBeforeMs !== undefined && { asBeforeMs }) };
    }
  }
}

/** What the fabric did not repair by itself must not be counted against the next fault: agents anew, on every host. */
async function putRight(watch: Watch, scene: Scene): Promise<void> {
  for (const host of watch.plan.hosts) {
    const agent = agentOf(scene.state(), host);
    if (agent !== undefined && isRunning(agent)) await killAgent(scene.lab, host.name);
    await restartAgent(scene.lab, host.name, scene.signal, RESTART_TIMEOUT_MS);
  }
  const { silent, left } = await settle(watch);
  if (silent.length + left.length === 0) return;
  throw new Fault('lab.up', {
    what: 'the fabric stays broken although every agent was started anew',
    where: scene.state().plan.directory,
    why: [...silent.map(({ flow }) => `${flow} is silent`), ...left].join('; '),
  });
}

function sceneOf(random: Random, { lab, signal, brief }: ChaosOptions): Scene {
  const state = (): ReturnType<typeof requireState> => requireState(lab);
  return {
    lab,
    state,
    random,
    signal,
    hold: (least, most) => {
      // Asked in any case, so that a brief run chooses the same hosts.
      const chosenMs = random.between(least, most);
      return pause(brief ? least : chosenMs, undefined, { signal });
    },
    withEtcd: async (work) => {
      const etcd = connectEtcd(localEtcdOptions(state().plan));
      try {
        return await work(etcd);
      } finally {
        etcd.close();
      }
    },
    run: async (host, ...argv) => runOn(state(), host, argv),
  };
}

async function runOn(state: ReturnType<typeof requireState>, host: HostPlan, argv: readonly string[]): Promise<string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(labEnvironment(state, host.name, {}))) {
    if (value !== undefined) environment[name] = value;
  }
  const output = await hostOf(host.namespace).run({ argv, environment, why: `run ${argv[0]} on ${host.name}` });
  if (output.code === 0) return output.stdout;
  throw new Fault('command.failed', {
    what: `${argv.join(' ')} ended with ${output.code}`,
    where: host.name,
    why: output.stderr.trim().slice(-400),
  });
}
