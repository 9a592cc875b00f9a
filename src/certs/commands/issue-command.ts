/** weft certs issue */
import type { Command } from 'commander';
import { type CommandContext, defineCommand } from '#cli/command.ts';
import type { KeyType } from '#pki/key-pair.ts';
import { Fault } from '#runtime/fault.ts';
import { addCertsOptions, type CertsOptions, keyOption, parseList } from './flags.ts';
import { noteBackups, printOutcomes } from './print-outcomes.ts';

interface Options extends CertsOptions {
  readonly hosts?: readonly string[];
  readonly profile?: string;
  readonly key?: KeyType;
}

export function issueCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'issue [names...]',
    summary: 'make the certificates that are missing or not what their inputs say; the others stay',
    examples: [
      ['weft certs issue', 'every NAME-csr.json; without any: admin, etcd, flanneld and weft'],
      ['weft certs issue etcd --hosts 10.0.0.1,10.0.0.2,10.0.0.3', 'anew when the members changed, else kept'],
    ],
  })
    .option(
      '--hosts <list>',
      'names and addresses that one certificate is for, instead of those of its input',
      parseList,
    )
    .option('--profile <name>', 'profile of ca-config.json; without that file: kubernetes, peer, server, client')
    .addOption(keyOption());
  return addCertsOptions(command).action(async (names: readonly string[]) => {
    const { dir, output, hosts, profile, key } = command.opts<Options>();
    if (hosts !== undefined && names.length > 1) {
      throw new Fault('usage.flag', { what: '--hosts is for one certificate', remedy: 'name one certificate' });
    }
    const { issueLeaves } = await import('#certs/issue.ts');
    const flags = {
      ...(hosts !== undefined && { hosts }),
      ...(profile !== undefined && { profile }),
      ...(key !== undefined && { keyType: key }),
    };
    const outcomes = await issueLeaves(dir, names, flags, Date.now());
    printOutcomes(context, output, outcomes);
    noteBackups(context, outcomes);
  });
}
