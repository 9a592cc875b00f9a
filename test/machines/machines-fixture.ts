/** Machines for tests: each set with a name of its own, driven by the command as a person types it, and removed whatever happens. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { cgroupsOf } from '#lab/nspawn/cgroups.ts';
import { destroySet } from '#lab/nspawn/destroy-set.ts';
import { MACHINES_ROOT } from '#lab/nspawn/machine-set.ts';
import type { SetSnapshot } from '#lab/nspawn/observe-set.ts';
import { MACHINES_MARK, readSetState } from '#lab/nspawn/set-state.ts';
import { processesWith } from '#lab/process-identity.ts';
import { type CommandOutput, runCommand } from '#runtime/command.ts';
import { WEFT } from '../cluster/lab-fixture.ts';

/** The first `up` on a computer installs packages and makes the base image. */
const TIMEOUT_MS = 400_000;
let setsMade = 0;

export class TestMachines {
  readonly name: string;
  readonly #ids = new Set<string>();

  constructor() {
    setsMade += 1;
    this.name = `t${process.pid}-${setsMade}`;
  }

  /** `weft lab machines <verb>` for this set; what comes after the options is in `words`. */
  weft(verb: string, ...words: readonly string[]): Promise<CommandOutput> {
    const argv = [WEFT, 'lab', 'machines', verb, '--name', this.name, ...words];
    return runCommand({ argv, why: `weft lab machines ${verb}`, timeoutMs: TIMEOUT_MS });
  }

  /** `weft`, which has to succeed; its standard output. */
  async must(verb: string, ...words: readonly string[]): Promise<string> {
    const output = await this.weft(verb, ...words);
    this.remember();
    if (output.code === 0) return output.stdout;
    throw new Error(`weft lab machines ${verb} ended with ${output.code}:\n${output.stdout}${output.stderr}`);
  }

  async up(...words: readonly string[]): Promise<SetSnapshot> {
    return JSON.parse(await this.must('up', '-o', 'json', ...words));
  }

  /** A command on a machine, which has to succeed; its standard output without the last line's end. */
  async on(machine: string, ...argv: readonly string[]): Promise<string> {
    return (await this.must('exec', machine, '--', ...argv)).trimEnd();
  }

  /** Notes the mark of the set as it is now. */
  remember(): void {
    const id = readSetState(this.name)?.id;
    if (id !== undefined) this.#ids.add(id);
  }

  /** Everything on this computer that is this set's. */
  leftovers(): readonly string[] {
    const namespaces = readdirSync('/run/netns').filter((name) => name.startsWith(`weftm-${this.name}-`));
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(`${MACHINES_ROOT}/${this.name}`) || line.includes(`weftm-${this.name}-`));
    const processes = [...this.#ids]
      .flatMap((id) => processesWith(MACHINES_MARK, id))
      .map(({ pid }) => `process ${pid}`);
    const directory = join(MACHINES_ROOT, this.name);
    const files = [directory, `/run/systemd/nspawn/propagate/weftm-${this.name}-m1`].filter((path) => existsSync(path));
    return [...namespaces, ...mounts, ...processes, ...cgroupsOf({ name: this.name }), ...files];
  }
}

/** Machines that are removed after the test. */
export function testMachines(context: TestContext): TestMachines {
  const machines = new TestMachines();
  context.after(() => destroySet(machines.name, { orderly: false }));
  return machines;
}
