/** The columns of a lease, and its form for programs. */
import { hostAddress } from '#agent/leases/host-record.ts';
import type { CommandContext } from '#cli/command.ts';
import { type OutputFormat, printData } from '#cli/output.ts';
import type { Column } from '#cli/table.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import { formatIpv6 } from '#model/ipv6.ts';
import { isJsonObject, memberOf } from '#model/json-document.ts';
import type { LeaseEntry } from './entries.ts';
import { formatSubnet } from './subnet-argument.ts';

/** What is looked up only for those who want to see it. */
export interface EntryDetails {
  /** Seconds left by key. */
  readonly ttls: ReadonlyMap<string, number>;
  /** Host names by public address. */
  readonly hostNames: ReadonlyMap<string, string>;
}

export const NO_DETAILS: EntryDetails = { ttls: new Map(), hostNames: new Map() };

export function printEntries(
  context: CommandContext,
  output: OutputFormat,
  entries: readonly LeaseEntry[],
  details: EntryDetails,
): void {
  printData(context, output, {
    data: entries.map((entry) => entryData(entry, details)),
    rows: entries,
    columns: columns(details),
    empty: 'no leases',
  });
}

/** The entry as a program reads it: names in camelCase, addresses as text, absent what does not apply. */
export function entryData(entry: LeaseEntry, details: EntryDetails): Readonly<Record<string, unknown>> {
  const { record, lease, problems } = entry;
  const { key } = record;
  if (lease === undefined) return { key, problems };
  const { publicIp, publicIpv6, backendType, backendData, backendV6Data } = lease.attributes;
  return {
    key,
    subnet: formatSubnet(lease.subnet),
    publicIp: formatIpv4(publicIp),
    publicIpv6: publicIpv6 === null ? undefined : formatIpv6(publicIpv6),
    backendType,
    backendData,
    backendV6Data,
    hostName: details.hostNames.get(hostAddress(lease.attributes)),
    reservation: lease.reservation,
    ttlSeconds: details.ttls.get(key),
    createdRevision: lease.created,
    modifiedRevision: lease.modified,
    problems,
  };
}

function columns(details: EntryDetails): readonly Column<LeaseEntry>[] {
  return [
    {
      title: 'subnet',
      value: ({ record: { key }, lease }) =>
        lease === undefined ? key.slice(key.lastIndexOf('/') + 1) : formatSubnet(lease.subnet),
    },
    { title: 'public ip', value: ({ lease }) => lease && formatIpv4(lease.attributes.publicIp) },
    { title: 'host', value: ({ lease }) => lease && details.hostNames.get(hostAddress(lease.attributes)), wide: true },
    { title: 'backend', value: ({ lease }) => lease?.attributes.backendType },
    { title: 'mac', value: vtepMac },
    { title: 'kind', value: kindOf },
    { title: 'ttl', value: ({ record }) => formatTtl(details.ttls.get(record.key)), wide: true },
    { title: 'created', value: ({ lease }) => lease?.created, wide: true, align: 'right' },
    { title: 'modified', value: ({ lease }) => lease?.modified, wide: true, align: 'right' },
    { title: 'key', value: ({ record }) => record.key, wide: true },
    {
      title: 'problems',
      value: ({ problems }) => problems.join('; '),
      colour: ({ problems }) => (problems.length > 0 ? 'yellow' : undefined),
    },
  ];
}

function kindOf({ lease }: LeaseEntry): string {
  if (lease === undefined) return 'unusable';
  return lease.reservation ? 'reservation' : 'lease';
}

/** As the record has it: it is shown, not used. */
function vtepMac({ lease }: LeaseEntry): string | undefined {
  const data = lease?.attributes.backendData;
  const mac = isJsonObject(data) ? memberOf(data, 'vtepmac') : undefined;
  return typeof mac === 'string' ? mac.slice(0, 17) : undefined;
}

export function formatTtl(seconds: number | undefined): string | undefined {
  if (seconds === undefined) return undefined;
  if (seconds < 0) return 'expired';
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return hours > 0 ? `${hours}h${minutes}m` : `${minutes}m${seconds % 60}s`;
}
