/** Continuous traffic between all Pods of a lab: a small process per Pod, and every gap that one of them notices. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { enterNamespace } from '#hosts/namespace.ts';
import { podNetwork } from '#lab/pods.ts';
import { LAB_MARK, type LabState } from '#lab/state.ts';
import { addressOf } from '#lab/subnet-file.ts';
import { mustRun } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import { type FlowState, type Gap, parseTrafficLine } from './lines.ts';

const PORT = 7331;
/** Every Pod sends to every other that often. */
export const INTERVAL_MS = 10;
const ANSWER_TIMEOUT_MS = 10_000;
const FIRST_DATAGRAMS_MS = 5_000;

/** Milliseconds of CLOCK_MONOTONIC, the clock of the traffic program. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

export interface TrafficEnd {
  /** The 2 of `pod2`. */
  readonly number: number;
  /** As `ip netns` lists it. */
  readonly namespace: string;
  /** IPv4. */
  readonly address: string;
}

export interface TrafficOptions {
  /** Where the program is compiled to. */
  readonly directory: string;
  /** Variables for it, by which others can tell whose it is. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

interface Sender {
  readonly child: ChildProcess;
  /** Settles the question that is open. */
  answer: ((flows: readonly FlowState[]) => void) | undefined;
  flows: FlowState[];
}

export class Traffic implements AsyncDisposable {
  /** All gaps so far, in the order in which they ended. */
  readonly gaps: Gap[] = [];
  readonly #senders: Sender[] = [];
  /** What went wrong with a sender by itself: without it nothing is known. */
  #broken: Error | undefined;

  /** Between all Pods of a lab. */
  static async inLab(state: LabState, signal: AbortSignal): Promise<Traffic> {
    const ends = await Promise.all(
      state.plan.hosts.map(async (host) => {
        const subnet = (await podNetwork(host))?.ipv4;
        if (subnet === undefined) throw new Fault('lab.up', { what: `the Pod of ${host.name} has no IPv4 address` });
        return { number: host.number, namespace: host.pod.namespace, address: addressOf(subnet.podAddress) };
      }),
    );
    return Traffic.start(ends, { directory: state.plan.directory, environment: { [LAB_MARK]: state.id }, signal });
  }

  /** Compiles the program, starts one per end and waits until every flow has arrived once. */
  static async start(ends: readonly TrafficEnd[], options: TrafficOptions): Promise<Traffic> {
    const { directory, environment, signal } = options;
    const program = join(directory, 'traffic');
    const source = join(import.meta.dirname, 'traffic.c');
    await mustRun({ argv: ['gcc', '-O2', '-o', program, source], why: 'compile the traffic program' });
    const traffic = new Traffic();
    for (const { number, namespace, address } of ends) {
      const peers = ends.filter((end) => end.number !== number).map((end) => `${end.number}=${end.address}`);
      const argv = [program, `${number}`, address, `${PORT}`, `${INTERVAL_MS * 1000}`, ...peers];
      traffic.#add(number, enterNamespace(namespace, argv), environment);
    }
    try {
      await traffic.#awaitAllFlows(signal);
    } catch (error) {
      await traffic[Symbol.asyncDispose]();
      throw error;
    }
    return traffic;
  }

  /** Every flow as it is now. */
  async look(): Promise<readonly FlowState[]> {
    if (this.#broken !== undefined) throw this.#broken;
    const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const answers = this.#senders.map(
      (sender) =>
        new Promise<readonly FlowState[]>((resolve, reject) => {
          sender.answer = resolve;
          timeout.addEventListener('abort', () => reject(new Error('a traffic program does not answer')));
          sender.child.stdin?.write('\n');
        }),
    );
    return (await Promise.all(answers)).flat();
  }

  /** Process ids of the programs, in the order of the ends. */
  get pids(): readonly number[] {
    return this.#senders.flatMap(({ child }) => child.pid ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#senders.map(({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return undefined;
        const closed = new Promise((resolve) => child.once('close', resolve));
        child.removeAllListeners('exit');
        child.kill('SIGKILL');
        return closed;
      }),
    );
  }

  #add(number: number, argv: readonly string[], environment: TrafficOptions['environment']): void {
    const [command = '', ...parameters] = argv;
    const child = spawn(command, parameters, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
      // Ctrl-C in the terminal is for us; the senders end when we do.
      detached: true,
    });
    const sender: Sender = { child, answer: undefined, flows: [] };
    this.#senders.push(sender);
    child.once('error', (error) => this.#break(error));
    child.once('exit', (code, signal) => this.#break(new Error(`a traffic program ended with ${signal ?? code}`)));
    child.stdin.on('error', (error) => this.#break(error));
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = parseTrafficLine(text, number);
      if (line.type === 'gap') this.gaps.push(line);
      else if (line.type === 'flow') sender.flows.push(line);
      else {
        sender.answer?.(sender.flows);
        sender.flows = [];
      }
    });
  }

  #break(error: Error): void {
    this.#broken ??= error;
  }

  async #awaitAllFlows(signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + FIRST_DATAGRAMS_MS;
    for (;;) {
      signal.throwIfAborted();
      const silent = (await this.look()).filter(({ received }) => received === 0);
      if (silent.length === 0) return;
      if (performance.now() > deadline) {
        const names = silent.map(({ flow }) => flow).join(', ');
        throw new Fault('lab.up', { what: `no datagram has arrived on ${names}` });
      }
      await pause(50);
    }
  }
}
