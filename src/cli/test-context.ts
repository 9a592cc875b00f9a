/** A CommandContext for tests: records what is printed, answers what is asked, and speaks to an etcd in memory, in both APIs. */
import { MemoryEtcd } from '#agent/leases/memory-etcd.ts';
import { MemoryEtcdV2 } from '#agent/leases/memory-etcd-v2.ts';
import type { Etcd } from '#etcd/api.ts';
import { ManualClock } from '#runtime/clock.ts';
import type { CommandBuilder, CommandContext, Terminal } from './command.ts';
import { runOperator } from './main.ts';

export interface TestRun {
  /** What the process would exit with. */
  readonly code: number;
  readonly out: string;
  readonly notes: string;
}

export interface TestContext {
  readonly context: CommandContext;
  readonly out: () => string;
  readonly notes: () => string;
  readonly finished: () => number;
}

/** Records everything; whatever is given replaces the default. */
export function testContext(more: Partial<CommandContext> & Partial<Terminal> = {}): TestContext {
  const { colours = false, interactive = false, columns = 100, ...replaced } = more;
  let out = '';
  let notes = '';
  let finished = 0;
  const context: CommandContext = {
    environment: {},
    terminal: { colours, interactive, columns },
    write: (text) => {
      out += text;
    },
    writeNote: (text) => {
      notes += text;
    },
    readInput: async () => '',
    ask: async () => undefined,
    connectEtcd: async () => {
      throw new Error('this command should not speak to etcd');
    },
    connectEtcdV2: async () => {
      throw new Error('this command should not speak to etcd');
    },
    finish: (code) => {
      finished = code;
    },
    catchInterrupt: () => new AbortController().signal,
    ...replaced,
  };
  return { context, out: () => out, notes: () => notes, finished: () => finished };
}

/** An operator at a keyboard, with some commands and an etcd. */
export class TestOperator {
  readonly etcd = new MemoryEtcd({ clock: new ManualClock() });
  /** The key space of the v2 API, which is another one. */
  readonly etcdV2 = new MemoryEtcd({ clock: new ManualClock() });
  readonly #builders: readonly CommandBuilder[];
  /** What standard input holds. */
  input = '';
  /** The answer to every question; undefined: nobody is there. */
  answer: string | undefined;
  environment: Record<string, string> = {};
  colours = false;
  /** What somebody else does just before a transaction of ours reaches etcd. */
  beforeTxn: (() => void) | undefined;

  constructor(builders: readonly CommandBuilder[]) {
    this.#builders = builders;
  }

  /** Runs one command line; the words are split at blanks. */
  async run(line: string): Promise<TestRun> {
    const { context, out, notes, finished } = testContext({
      colours: this.colours,
      environment: this.environment,
      readInput: async () => this.input,
      ask: async () => this.answer,
      connectEtcd: async () => this.#client(),
      connectEtcdV2: async () => new MemoryEtcdV2(this.etcdV2),
    });
    const words = line.split(' ').filter((word) => word !== '');
    const code = await runOperator(context, words, this.#builders);
    return { code: code === 0 ? finished() : code, out: out(), notes: notes() };
  }

  #client(): Etcd {
    const client = this.etcd.connect();
    const txn = client.txn.bind(client);
    client.txn = (request) => {
      this.beforeTxn?.();
      return txn(request);
    };
    return client;
  }
}
