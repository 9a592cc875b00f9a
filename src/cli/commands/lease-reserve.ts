/** weft lease reserve: gives a subnet to a host for ever, before it has one or while it holds it. */
import type { Command } from 'commander';
import { leaseInRecord } from '#agent/leases/stored-record.ts';
import { type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { addEtcdOptions } from '#cli/etcd-options.ts';
import type { EtcdRecords } from '#cli/etcd-records/records.ts';
import { withRecords } from '#cli/etcd-session.ts';
import { readEntries } from '#cli/lease/read-entries.ts';
import { formatSubnet, parseSubnetArgument } from '#cli/lease/subnet-argument.ts';
import { ipv4CidrsOverlap } from '#model/cidr.ts';
import { formatIpv4, type Ipv4, parseIpv4 } from '#model/ipv4.ts';
import { ipv6CidrsOverlap } from '#model/ipv6.ts';
import { encodeLeaseRecord } from '#model/lease-record.ts';
import { parseNetworkConfig } from '#model/network-config.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import { subnetMisfit } from '#model/subnet-misfit.ts';
import { Fault } from '#runtime/fault.ts';

interface Options extends CommonOptions {
  readonly publicIp: string;
}

export function leaseReserveCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'reserve <subnet>',
    summary: 'give a subnet to a host for ever: a key without time to live',
    examples: [
      ['weft lease reserve 10.5.7.0/24 --public-ip 192.0.2.7', 'for a host that has no lease yet'],
      ['weft lease reserve 10.5.1.0/24 --public-ip 192.0.2.1', 'makes the lease that it holds permanent'],
    ],
  }).requiredOption('--public-ip <address>', 'the host, by the IPv4 address that its agent publishes');
  return addEtcdOptions(command).action(async (text: string) => {
    const options = command.opts<Options>();
    const subnet = parseSubnetArgument(text);
    const publicIp = parseIpv4(options.publicIp);
    if (publicIp === undefined)
      throw new Fault('usage.flag', { what: `--public-ip ${JSON.stringify(options.publicIp)} is no IPv4 address` });
    const outcome = await withRecords(context, command, (records) => reserve(records, subnet, publicIp));
    if (options.quiet !== true) context.writeNote(`${outcome}\n`);
  });
}

/** What was done, in words. */
async function reserve(records: EtcdRecords, subnet: SubnetKey, publicIp: Ipv4): Promise<string> {
  const { keys } = records;
  await refuseMisfit(records, subnet);
  const holders = (await readEntries(records)).flatMap(({ lease }) => lease ?? []);
  const key = keys.lease(subnet);
  const overlapping = holders.find((lease) => keys.lease(lease.subnet) !== key && subnetsOverlap(lease.subnet, subnet));
  if (overlapping !== undefined) throw taken(subnet, overlapping.attributes.publicIp, keys.lease(overlapping.subnet));

  const value = encodeLeaseRecord({ publicIp, publicIpv6: null, backendType: '' });
  const created = await records.create(key, value);
  const who = `${formatSubnet(subnet)} for ${formatIpv4(publicIp)}`;
  const elsewhere = holders.find((lease) => lease.attributes.publicIp === publicIp && keys.lease(lease.subnet) !== key);
  const hint =
    elsewhere === undefined ? '' : `; that host holds ${formatSubnet(elsewhere.subnet)} until it is released`;
  if (created !== 'exists') return `reserved ${who}${hint}`;

  const current = await records.get(key);
  const lease = current === undefined ? undefined : leaseInRecord(current, keys);
  if (current === undefined || lease === undefined || 'reason' in lease) {
    throw new Fault('lease.exists', {
      what: `the key of ${formatSubnet(subnet)} holds something that is no lease`,
      where: key,
    });
  }
  if (lease.attributes.publicIp !== publicIp) throw taken(subnet, lease.attributes.publicIp, key);
  if (lease.reservation) return `unchanged: ${who} is reserved already`;
  const kept = await records.replace(current, current.value);
  if (kept === 'changed') throw new Fault('lease.changed', { what: 'the lease was written just now', where: key });
  return `reserved ${who}: the lease that it holds is permanent now`;
}

async function refuseMisfit({ get, keys }: EtcdRecords, subnet: SubnetKey): Promise<void> {
  const document = await get(keys.config);
  if (document === undefined) return;
  const parsed = parseNetworkConfig(document.value);
  const misfit = 'config' in parsed ? subnetMisfit(subnet, parsed.config) : undefined;
  if (misfit === undefined) return;
  throw new Fault('lease.misfit', {
    what: `${formatSubnet(subnet)} does not fit the network`,
    where: keys.config,
    why: misfit,
  });
}

function subnetsOverlap(a: SubnetKey, b: SubnetKey): boolean {
  if (a.ipv4 !== undefined && b.ipv4 !== undefined && ipv4CidrsOverlap(a.ipv4, b.ipv4)) return true;
  return a.ipv6 !== undefined && b.ipv6 !== undefined && ipv6CidrsOverlap(a.ipv6, b.ipv6);
}

function taken(subnet: SubnetKey, holder: Ipv4, key: string): Fault {
  return new Fault('lease.exists', { what: `${formatSubnet(subnet)} is leased by ${formatIpv4(holder)}`, where: key });
}
