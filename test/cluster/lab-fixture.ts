/** Labs for tests: each with a name of its own, driven by the command as a person types it, and removed whatever happens. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { destroyLab } from '#lab/destroy-lab.ts';
import { cgroupDirectories } from '#lab/docker/cgroups.ts';
import { labCgroup } from '#lab/docker/engine-plan.ts';
import { LAB_ROOT } from '#lab/plan.ts';
import { processesWith } from '#lab/process-identity.ts';
import type { LabSnapshot } from '#lab/snapshot.ts';
import { LAB_MARK, readState } from '#lab/state.ts';
import { type CommandOutput, runCommand } from '#runtime/command.ts';

export const WEFT = join(import.meta.dirname, '../../bin/weft');
const UP_TIMEOUT_MS = 120_000;
let labsMade = 0;

/** A name that no other test has, in this process or another. */
function nextName(): string {
  labsMade += 1;
  return `t${process.pid}-${labsMade}`;
}

export class TestLab {
  readonly name = nextName();
  /** The marks of all labs that have had this name, for `leftovers`. */
  readonly #ids = new Set<string>();

  /** `weft lab <words>`, for this lab. */
  weft(verb: string, ...words: readonly string[]): Promise<CommandOutput> {
    this.remember();
    const argv = [WEFT, 'lab', verb, '--name', this.name, ...words];
    return runCommand({ argv, why: `weft lab ${verb}`, timeoutMs: UP_TIMEOUT_MS });
  }

  /** `up`, which has to succeed, and the lab as it says it is. */
  async up(...words: readonly string[]): Promise<LabSnapshot> {
    const output = await this.weft('up', '-o', 'json', ...words);
    if (output.code !== 0) throw new Error(`weft lab up ended with ${output.code}:\n${output.stderr}`);
    this.remember();
    return JSON.parse(output.stdout);
  }

  /** Notes the mark of the lab as it is now. */
  remember(): void {
    const id = readState(this.name)?.id;
    if (id !== undefined) this.#ids.add(id);
  }

  /** Everything on this machine that is this lab's. */
  leftovers(): readonly string[] {
    const namespaces = readdirSync('/run/netns').filter((name) => name.startsWith(`weft-${this.name}-`));
    const processes = [...this.#ids].flatMap((id) => processesWith(LAB_MARK, id)).map(({ pid }) => `process ${pid}`);
    const directory = join(LAB_ROOT, this.name);
    const cgroups = cgroupDirectories(labCgroup(this));
    return [...namespaces, ...processes, ...cgroups, ...(existsSync(directory) ? [directory] : [])];
  }
}

/** A lab that is taken down after the test. */
export function testLab(context: TestContext): TestLab {
  const lab = new TestLab();
  context.after(() => destroyLab(lab.name));
  return lab;
}

/** The number of lost cells in a snapshot's matrix. */
export function lostCells(snapshot: LabSnapshot): number {
  return (snapshot.matrix?.cells ?? []).flat().filter((cell) => cell === 'lost').length;
}
