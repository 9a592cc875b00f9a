/** weft certs renew */
import type { Command } from 'commander';
import { type CommandContext, defineCommand } from '#cli/command.ts';
import { addCertsOptions, type CertsOptions, timeOption } from './flags.ts';
import { printOutcomes } from './print-outcomes.ts';

interface Options extends CertsOptions {
  readonly before: number;
  readonly sameKey?: boolean;
}

export function renewCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'renew [names...]',
    summary: 'sign certificates again as they are, with new dates and a new key',
    examples: [
      ['weft certs renew', 'those that expire within 30 days'],
      ['weft certs renew etcd --same-key', 'that one in any case; its key stays'],
    ],
  })
    .addOption(timeOption('--before <time>', 'without names: those that expire within this time, such as 30d'))
    .option('--same-key', 'keep the keys');
  return addCertsOptions(command).action(async (names: readonly string[]) => {
    const options = command.opts<Options>();
    const { renewLeaves } = await import('#certs/renew.ts');
    const request = { names, beforeMs: options.before, sameKey: options.sameKey === true };
    printOutcomes(context, options.output, await renewLeaves(options.dir, request, Date.now()));
  });
}
