/** weft lease release: takes a subnet from a host that is gone. */
import type { Command } from 'commander';
import { hostAddress } from '#agent/leases/host-record.ts';
import { leaseInRecord } from '#agent/leases/stored-record.ts';
import { type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { addEtcdOptions } from '#cli/etcd-options.ts';
import type { EtcdRecords } from '#cli/etcd-records/records.ts';
import { withRecords } from '#cli/etcd-session.ts';
import { parseSubnetArgument } from '#cli/lease/subnet-argument.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import { Fault } from '#runtime/fault.ts';

interface Options extends CommonOptions {
  readonly yes?: boolean;
}

export function leaseReleaseCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'release <subnet>',
    summary: 'delete a lease or reservation; its host loses the subnet',
    examples: [
      ['weft lease release 10.5.7.0/24', 'asks first'],
      ['weft lease release 10.5.7.0/24 --yes', 'does not ask'],
    ],
  }).option('--yes', 'do not ask');
  return addEtcdOptions(command).action(async (text: string) => {
    const options = command.opts<Options>();
    const subnet = parseSubnetArgument(text);
    await withRecords(context, command, async (records) => {
      const { keys } = records;
      const key = keys.lease(subnet);
      const current = await records.get(key);
      if (current === undefined) throw new Fault('lease.missing', { what: `nobody holds ${text}`, where: key });
      const lease = leaseInRecord(current, keys);
      const holder = 'reason' in lease ? 'an unusable record' : formatIpv4(lease.attributes.publicIp);
      if (
        options.yes !== true &&
        !(await confirmed(context, `Release ${text}, held by ${holder}? Other hosts drop their routes to it. [y/N] `))
      ) {
        context.writeNote('nothing was released\n');
        context.finish(1);
        return;
      }
      if ((await records.remove(current)) === 'changed')
        throw new Fault('lease.changed', { what: `${text} was written just now, so it was not released`, where: key });
      if (!('reason' in lease)) await removeHostKey(records, hostAddress(lease.attributes));
      if (options.quiet !== true) context.writeNote(`released ${text}, held by ${holder}\n`);
    });
  });
}

/** A reservation's would stay for ever. Whoever writes it at this moment is alive, and keeps it. */
async function removeHostKey(records: EtcdRecords, address: string): Promise<void> {
  const host = await records.get(records.keys.host(address));
  if (host !== undefined) await records.remove(host);
}

async function confirmed(context: CommandContext, question: string): Promise<boolean> {
  const answer = await context.ask(question);
  if (answer === undefined) throw new Fault('usage.flag', { what: 'nobody is here to answer', remedy: 'give --yes' });
  return /^y(es)?$/i.test(answer.trim());
}
