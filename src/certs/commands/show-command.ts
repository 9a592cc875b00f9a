/** weft certs show */
import type { Command } from 'commander';
import type { ShownCertificate } from '#certs/show.ts';
import { type CommandContext, defineCommand } from '#cli/command.ts';
import { type OutputFormat, printData } from '#cli/output.ts';
import type { Colour } from '#cli/style.ts';
import { addCertsOptions, type CertsOptions, timeOption } from './flags.ts';

interface Options extends CertsOptions {
  readonly warnBefore: number;
}

const COLOURS: Readonly<Record<ShownCertificate['state'], Colour>> = {
  ok: 'green',
  'expires soon': 'yellow',
  expired: 'red',
  'not yet valid': 'red',
  broken: 'red',
};

export function showCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'show',
    summary:
      'every certificate: owner, hosts, issuer, expiry, and what is wrong; exit code 1 if something is to be done',
    examples: [
      ['weft certs show', 'warns 30 days before a certificate expires'],
      ['weft certs show --dir /etc/etcd/cert -o json', 'for a program'],
    ],
  }).addOption(timeOption('--warn-before <time>', 'how long before its end a certificate counts as expiring'));
  return addCertsOptions(command).action(async () => {
    const { dir, output, warnBefore } = command.opts<Options>();
    const { needsAttention, showCertificates } = await import('#certs/show.ts');
    const shown = showCertificates(dir, warnBefore, Date.now());
    print(context, output, dir, shown);
    if (needsAttention(shown)) context.finish(1);
  });
}

function print(context: CommandContext, output: OutputFormat, dir: string, shown: readonly ShownCertificate[]): void {
  printData(context, output, {
    data: shown,
    rows: shown,
    columns: [
      { title: 'file', value: (row) => row.file, colour: () => 'bold' },
      { title: 'state', value: (row) => row.state, colour: (row) => COLOURS[row.state] },
      { title: 'expires', value: (row) => row.notAfter?.slice(0, 10) },
      { title: 'left', value: timeLeft, align: 'right', colour: (row) => COLOURS[row.state] },
      { title: 'subject', value: (row) => row.subject },
      { title: 'hosts', value: (row) => row.hosts.join(', ') },
      { title: 'issuer', value: (row) => (row.issuer === row.subject ? 'itself' : shortName(row.issuer)) },
      { title: 'usages', value: (row) => row.usages.join(', '), wide: true },
      { title: 'key', value: (row) => (row.key ? 'yes' : 'no'), wide: true },
      { title: 'serial', value: (row) => row.serial, wide: true },
    ],
    empty: `no certificates in ${dir}`,
  });
  if (output !== 'table' && output !== 'wide') return;
  for (const { file, problems } of shown) for (const problem of problems) context.writeNote(`${file}: ${problem}\n`);
}

/** The common name, where there is one: the whole name is mostly that of the row of ca.pem. */
function shortName(name: string | undefined): string | undefined {
  return /(?:^|, )CN=(.*)$/.exec(name ?? '')?.[1] ?? name;
}

/** `3649 d`, `5 h`, with a minus when it is over. */
function timeLeft({ secondsLeft }: ShownCertificate): string | undefined {
  if (secondsLeft === undefined) return undefined;
  const hours = Math.trunc(secondsLeft / 3600);
  return Math.abs(hours) < 48 ? `${hours} h` : `${Math.trunc(hours / 24)} d`;
}
