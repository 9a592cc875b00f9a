/** What the verbs of `weft docker` share: how changes are said, who may make them, whose docker is asked. */
import type { CommandContext } from '#cli/command.ts';
import { unifiedDiff } from '#cli/unified-diff.ts';
import type { FileChange } from '#docker/wire/wiring.ts';
import { Fault } from '#runtime/fault.ts';

/** The plan as a diff, on standard output. */
export function showPlan(context: CommandContext, changes: readonly FileChange[]): void {
  for (const change of changes) context.write(unifiedDiff(change));
}

/** The files, a line each. */
export function noteChanges(context: CommandContext, changes: readonly FileChange[]): void {
  for (const { path, before, after } of changes) {
    const verb = after === undefined ? 'removed' : before === undefined ? 'wrote' : 'changed';
    context.writeNote(`${verb} ${path}\n`);
  }
}

/** Units and docker's configuration are root's. */
export function requireRoot(what: string): void {
  if (process.geteuid?.() === 0) return;
  throw new Fault('usage.not-root', { what: `${what} writes into /etc and restarts services` });
}

/** Whether docker's own variable names the daemon, as in a lab: then no unit says whether it runs. */
export function hasOwnDaemon({ environment }: CommandContext): boolean {
  return (environment['DOCKER_HOST'] ?? '') !== '';
}
