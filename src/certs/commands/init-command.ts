/** weft certs init */
import type { Command } from 'commander';
import { type CommandContext, defineCommand } from '#cli/command.ts';
import type { KeyType } from '#pki/key-pair.ts';
import { addCertsOptions, type CertsOptions, keyOption, parseLife } from './flags.ts';
import { printOutcomes } from './print-outcomes.ts';

interface Options extends CertsOptions {
  readonly cn?: string;
  readonly key?: KeyType;
  readonly expiry?: number;
}

export function initCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'init',
    summary: 'make the authority by ca-csr.json, or by flags where there is none; one that is there is never replaced',
    examples: [
      ['weft certs init', 'ca.pem, ca-key.pem and ca.csr, as cfssl gencert -initca | cfssljson -bare ca'],
      ['weft certs init --dir certs --key p256', 'without inputs, with an ECDSA key'],
    ],
  })
    .option('--cn <name>', 'common name, instead of what ca-csr.json says (kubernetes where there is none)')
    .option('--expiry <time>', 'how long it is valid, instead of what ca-csr.json says (10 years)', parseLife)
    .addOption(keyOption());
  return addCertsOptions(command).action(async () => {
    const options = command.opts<Options>();
    const { initAuthority } = await import('#certs/init.ts');
    const flags = {
      ...(options.cn !== undefined && { commonName: options.cn }),
      ...(options.key !== undefined && { keyType: options.key }),
      ...(options.expiry !== undefined && { rootLifeMs: options.expiry }),
    };
    printOutcomes(context, options.output, [await initAuthority(options.dir, flags, Date.now())]);
  });
}
