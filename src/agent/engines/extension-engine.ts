/**
 * The engine of the extension backend: runs the operator's commands (spec §5.7). PreStartupCommand when it is opened, for the
 * lease; PostStartupCommand once there is a lease; SubnetAddCommand for each peer that is new or has changed, and for all at
 * a start; SubnetRemoveCommand for each that has gone, also while the agent was down.
 *
 * One command at a time, without a shell (command-words.ts), with a time-out. Peers' data is only ever standard input; what
 * is in argv and environment of theirs are addresses that we have formatted ourselves.
 */
import type { Engine } from '#agent/backends/engine.ts';
import type { EngineState, ExtensionEngineState, ExtensionHost, ExtensionPeer } from '#agent/backends/engine-state.ts';
import type { Clock } from '#runtime/clock.ts';
import { type Command, type CommandOutput, mustRun, runCommand } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import type { Log } from '#runtime/log.ts';
import { commandWords, shellCharacters } from './command-words.ts';
import { peerKey, type ToldPeers } from './told-peers.ts';

export interface ExtensionEngineOptions {
  /** PreStartupCommand as written. */
  readonly preStartup: string | undefined;
  readonly told: ToldPeers;
  readonly clock: Clock;
  readonly log: Log;
  /** For variables in commands; default: this process's, which the commands themselves always get. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

type CommandName = 'PreStartupCommand' | 'PostStartupCommand' | 'SubnetAddCommand' | 'SubnetRemoveCommand';

/** The startup commands may install something; the others are run one after the other, for each peer. */
const STARTUP_TIMEOUT_MS = 300_000;
const SUBNET_TIMEOUT_MS = 30_000;
/** A record is read up to 16,384 characters, escapes included. */
const LONGEST_DATA = 8_192;
const LONGEST_LOGGED = 1_000;
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 300_000;
/** About ten minutes. */
const MOST_TRIES = 8;

/** Runs PreStartupCommand, whose output is the identity; Fault `command.failed`. */
export async function openExtensionEngine(options: ExtensionEngineOptions): Promise<Engine> {
  const runner = new CommandRunner(options);
  if (options.preStartup === undefined) return new ExtensionEngine(options, runner, undefined);
  const { stdout, stderr } = await runner.must('PreStartupCommand', options.preStartup, {});
  const identity = (stdout + stderr).trim();
  if (identity.length <= LONGEST_DATA) return new ExtensionEngine(options, runner, identity);
  throw new Fault('command.failed', {
    what: 'PreStartupCommand printed more than a lease can hold',
    where: options.preStartup,
    why: `${identity.length} characters, at most ${LONGEST_DATA} fit`,
    remedy: 'let it print only what the peers need',
  });
}

class ExtensionEngine implements Engine {
  readonly identity: string | undefined;
  readonly #told: ToldPeers;
  readonly #clock: Clock;
  readonly #runner: CommandRunner;
  /** Peers that a command has seen, whether it succeeded or not: SubnetRemoveCommand is for these. */
  readonly #peers: Map<string, ExtensionPeer>;
  /** Peers for which SubnetAddCommand has succeeded in this process. */
  readonly #added = new Map<string, ExtensionPeer>();
  /** How often a command has failed for a peer. */
  readonly #failed = new Map<string, number>();
  #started = false;
  #closed = false;
  #retryMs = FIRST_RETRY_MS;
  #retryAt = 0;
  #cancelRetry = (): void => undefined;
  #listener = (): void => undefined;

  constructor({ told, clock }: ExtensionEngineOptions, runner: CommandRunner, identity: string | undefined) {
    this.identity = identity;
    this.#told = told;
    this.#clock = clock;
    this.#runner = runner;
    this.#peers = new Map(told.load());
  }

  async converge(wanted: EngineState): Promise<number> {
    if (wanted.type !== 'extension') throw new Error(`the extension engine was handed a state of ${wanted.type}`);
    let changes = 0;
    if (!this.#started) {
      changes += await this.#start(wanted);
      this.#started = true;
    }
    const peers = new Map(wanted.peers.map((peer) => [peerKey(peer), peer]));
    const gone = [...this.#peers].filter(([key]) => !peers.has(key));
    const fresh = [...peers].filter(([key, peer]) => !samePeer(this.#added.get(key), peer));
    if (gone.length + fresh.length === 0) return changes;
    // What has failed is not run again with every lease that somebody writes.
    const due = this.#clock.now() >= this.#retryAt;
    const waiting = (key: string): boolean => !due && this.#failed.has(key);
    // On disk first: a command that was running when this process died has to be undone as well.
    for (const [key, peer] of fresh) this.#peers.set(key, peer);
    this.#told.save(this.#peers);
    for (const [key, peer] of gone) {
      if (waiting(key)) continue;
      changes += 1;
      if (await this.#tell('SubnetRemoveCommand', wanted.commands.subnetRemove, key, peer)) this.#peers.delete(key);
      this.#added.delete(key);
    }
    for (const [key, peer] of fresh) {
      if (waiting(key)) continue;
      changes += 1;
      if (await this.#tell('SubnetAddCommand', wanted.commands.subnetAdd, key, peer)) this.#added.set(key, peer);
    }
    if (gone.length > 0) this.#told.save(this.#peers);
    this.#planRetry(due);
    return changes;
  }

  watch(listener: () => void): void {
    this.#listener = listener;
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry();
  }

  async #start({ commands, own }: ExtensionEngineState): Promise<number> {
    if (commands.postStartup === undefined) return 0;
    const variables = { NETWORK: own.network, ...hostVariables(own) };
    await this.#runner.must('PostStartupCommand', commands.postStartup, variables);
    return 1;
  }

  /** Whether that is settled: it succeeded, there is no such command, or it has failed often enough. */
  async #tell(name: CommandName, text: string | undefined, key: string, peer: ExtensionPeer): Promise<boolean> {
    if (text === undefined || (await this.#runner.try(name, text, hostVariables(peer), `${peer.data}\n`))) {
      this.#failed.delete(key);
      return true;
    }
    const tries = (this.#failed.get(key) ?? 0) + 1;
    if (tries < MOST_TRIES) this.#failed.set(key, tries);
    else {
      this.#failed.delete(key);
      this.#runner.giveUp(name, peer.subnet, tries);
    }
    return tries >= MOST_TRIES;
  }

  #planRetry(due: boolean): void {
    if (this.#failed.size === 0) {
      this.#cancelRetry();
      this.#retryMs = FIRST_RETRY_MS;
      this.#retryAt = 0;
      return;
    }
    if (!due || this.#closed) return;
    this.#cancelRetry();
    this.#retryAt = this.#clock.now() + this.#retryMs;
    this.#cancelRetry = this.#clock.after(this.#retryMs, () => this.#listener());
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }
}

/** Commands as texts of the network document, made into processes; what they print goes to the log, cut. */
class CommandRunner {
  readonly #log: Log;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #warned = new Set<string>();

  constructor({ log, environment }: ExtensionEngineOptions) {
    this.#log = log;
    this.#environment = environment ?? process.env;
  }

  /** Runs a command that has to succeed. */
  async must(name: CommandName, text: string, variables: Variables): Promise<CommandOutput> {
    const output = await mustRun({ ...this.#command(name, text, variables), timeoutMs: STARTUP_TIMEOUT_MS });
    this.#report(name, variables, output);
    return output;
  }

  /** Whether it succeeded; the log says why not. */
  async try(name: CommandName, text: string, variables: Variables, stdin: string): Promise<boolean> {
    try {
      const output = await runCommand({ ...this.#command(name, text, variables), stdin, timeoutMs: SUBNET_TIMEOUT_MS });
      this.#report(name, variables, output);
      return output.code === 0;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#log.warn(`${name} failed`, { subnet: variables['SUBNET'], why: error.why, command: error.where });
      return false;
    }
  }

  giveUp(name: CommandName, subnet: string, tries: number): void {
    this.#log.error(`${name} is not tried again until the peer changes or the agent is restarted`, { subnet, tries });
  }

  #command(name: CommandName, text: string, variables: Variables): Command {
    const strange = shellCharacters(text);
    if (strange !== undefined && !this.#warned.has(text)) {
      this.#warned.add(text);
      this.#log.warn(`${name} holds what only a shell understands, and there is no shell: put it into a script`, {
        characters: strange,
      });
    }
    const argv = commandWords(text, (variable) => variables[variable] ?? this.#environment[variable] ?? '');
    return { argv, environment: variables, why: `run ${name}` };
  }

  #report(name: CommandName, variables: Variables, { code, stdout, stderr }: CommandOutput): void {
    const output = (stdout + stderr).trim();
    const fields = {
      subnet: variables['SUBNET'],
      code,
      output: output === '' ? undefined : output.slice(0, LONGEST_LOGGED),
    };
    if (code === 0) this.#log.info(`${name} was run`, fields);
    else this.#log.warn(`${name} failed`, fields);
  }
}

type Variables = Readonly<Record<string, string>>;

/** flannel gives SUBNET and PUBLIC_IP alone to the commands of peers, though its documentation has all four. */
function hostVariables({ subnet, ipv6Subnet, publicIp, publicIpv6 }: ExtensionHost): Variables {
  return { SUBNET: subnet, IPV6SUBNET: ipv6Subnet, PUBLIC_IP: publicIp, PUBLIC_IPV6: publicIpv6 };
}

function samePeer(a: ExtensionPeer | undefined, b: ExtensionPeer): boolean {
  return (
    a !== undefined &&
    a.subnet === b.subnet &&
    a.ipv6Subnet === b.ipv6Subnet &&
    a.publicIp === b.publicIp &&
    a.publicIpv6 === b.publicIpv6 &&
    a.data === b.data
  );
}
