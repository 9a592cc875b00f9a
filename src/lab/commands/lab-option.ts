/** What the commands on a lab share: which lab is meant, and that they need root. */
import { Option } from 'commander';
import type { CommandContext } from '#cli/command.ts';
import { Fault } from '#runtime/fault.ts';

export const DEFAULT_LAB = 'lab';

export interface LabOption {
  readonly name?: string;
}

export function labOption(): Option {
  return new Option('--name <lab>', `which lab (default: the only one, else ${DEFAULT_LAB})`);
}

/** The lab that is meant: the one named, the one whose shell we are in (WEFT_LAB), or the only one there is. */
export async function chooseLab(options: LabOption, environment: CommandContext['environment']): Promise<string> {
  const named = options.name ?? environment['WEFT_LAB'];
  if (named !== undefined && named !== '') return named;
  const { listLabs } = await import('#lab/state.ts');
  const [first, ...others] = listLabs();
  return first !== undefined && others.length === 0 ? first.plan.name : DEFAULT_LAB;
}

/** Namespaces are root's business: one clear sentence in place of many refusals. */
export function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new Fault('usage.not-root', {
    what: 'a lab is made of network namespaces, which only root may make and enter',
  });
}
