/** What the commands on machines share: which set is meant, and how `up` and others show that they work. */
import { Option } from 'commander';
import type { CommandContext, CommonOptions } from '#cli/command.ts';
import { startProgress } from '#cli/progress.ts';
import type { LabControl } from '#lab/lab-control.ts';

export const DEFAULT_SET = 'machines';

export interface SetOption {
  readonly name?: string;
}

export function setOption(): Option {
  return new Option('--name <set>', `which machines (default: the only ones, else ${DEFAULT_SET})`);
}

/** The set that is meant: the one named, the only one there is, or the default. */
export async function chooseSet(options: SetOption): Promise<string> {
  if (options.name !== undefined) return options.name;
  const { listSets } = await import('#lab/nspawn/set-state.ts');
  const [first, ...others] = listSets();
  return first !== undefined && others.length === 0 ? first.plan.name : DEFAULT_SET;
}

/** Does the work with its progress shown; gives what it gave and the seconds that it took. */
export async function withProgress<Result>(
  context: CommandContext,
  options: CommonOptions,
  work: (control: LabControl) => Promise<Result>,
): Promise<{ readonly result: Result; readonly seconds: string }> {
  const signal = context.catchInterrupt();
  const startedMs = performance.now();
  const progress = startProgress(context, options);
  try {
    const result = await work({ signal, step: (text) => progress.step(text), update: (text) => progress.update(text) });
    progress.done();
    return { result, seconds: ((performance.now() - startedMs) / 1000).toFixed(1) };
  } catch (error) {
    progress.fail();
    throw error;
  }
}
