/** A lab's snapshot on standard output: table, matrix and drawing for people, the value itself for programs. */
import type { CommandContext } from '#cli/command.ts';
import { type OutputFormat, printData } from '#cli/output.ts';
import { painter } from '#cli/style.ts';
import type { Column } from '#cli/table.ts';
import { drawMatrix } from '#lab/draw-matrix.ts';
import { drawTerminal } from '#lab/draw-terminal.ts';
import { type HostSnapshot, type LabSnapshot, matricesOf, snapshotProblems } from '#lab/snapshot.ts';

const COLUMNS: readonly Column<HostSnapshot>[] = [
  { title: 'host', value: (host) => host.name },
  { title: 'address', value: (host) => host.address, colour: (host) => (host.uplink === 'cut' ? 'red' : undefined) },
  { title: 'uplink', value: (host) => host.uplink, wide: true },
  { title: 'IPv6 address', value: (host) => host.addressIpv6, wide: true },
  { title: 'lease', value: (host) => host.lease },
  { title: 'IPv6 lease', value: (host) => host.leaseIpv6 },
  { title: 'device MAC', value: (host) => host.deviceMac },
  { title: 'Pod IP', value: (host) => host.pod.address },
  { title: 'Pod IPv6', value: (host) => host.pod.addressIpv6 },
  { title: 'etcd', value: (host) => (host.etcd === 'none' ? undefined : host.etcd), colour: etcdColour },
  { title: 'agent pid', value: agentText, colour: (host) => (host.agent.running ? undefined : 'red') },
  { title: 'status', value: statusText, colour: statusColour },
  { title: 'RSS', value: (host) => megabytes(host.agent.rssBytes), align: 'right' },
  { title: 'ready in', value: (host) => milliseconds(host.agent.readyMs), align: 'right' },
];

const OPTIONAL: ReadonlySet<string> = new Set([
  'IPv6 address',
  'lease',
  'IPv6 lease',
  'device MAC',
  'Pod IP',
  'Pod IPv6',
]);

export interface PrintLabOptions {
  readonly output: OutputFormat;
  /** Further members of the JSON document, such as where the picture is. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly drawing?: boolean;
}

export function printLab(context: CommandContext, snapshot: LabSnapshot, options: PrintLabOptions): void {
  const data = { ...snapshot, problems: snapshotProblems(snapshot), ...options.more };
  printData(context, options.output, { data, rows: snapshot.hosts, columns: columnsFor(snapshot) });
  if (options.output === 'json' || options.output === 'yaml') return;
  const style = { columns: context.terminal.columns, paint: painter(context.terminal) };
  for (const { matrix, over } of matricesOf(snapshot)) context.write(`\n${drawMatrix(matrix, style, over)}`);
  if (options.drawing === true) context.write(`\n${drawTerminal(snapshot, style)}`);
  for (const problem of snapshotProblems(snapshot)) context.write(`${style.paint('red', '✗')} ${problem}\n`);
}

/** Without those that no host of this lab can have something in: which they are depends on backend and families. */
function columnsFor(snapshot: LabSnapshot): readonly Column<HostSnapshot>[] {
  return COLUMNS.filter(
    ({ title, value }) => !OPTIONAL.has(title) || snapshot.hosts.some((host) => value(host) !== undefined),
  );
}

function agentText(host: HostSnapshot): string {
  return host.agent.running ? `${host.agent.pid ?? 'running'}` : 'down';
}

/** The state alone: what is behind it stands below the table, or in `weft status` on the host. */
function statusText({ agent }: HostSnapshot): string | undefined {
  return agent.running ? (agent.verdict?.state ?? 'silent') : undefined;
}

function statusColour(host: HostSnapshot): 'green' | 'yellow' | 'red' {
  const state = statusText(host);
  return state === 'ok' ? 'green' : state === 'trouble' ? 'red' : 'yellow';
}

function etcdColour(host: HostSnapshot): 'yellow' | 'red' | undefined {
  return host.etcd === 'leader' ? 'yellow' : host.etcd === 'down' ? 'red' : undefined;
}

function megabytes(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function milliseconds(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${value} ms`;
}
