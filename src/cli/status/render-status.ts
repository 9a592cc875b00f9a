/** An agent's report on one page: the verdict first, then a line for each thing, then what is wrong in full. Pure. */
import type { PeerReport, RefusedReport, StatusReport } from '#agent/publish/status-report.ts';
import type { Verdict } from '#agent/publish/verdict.ts';
import { type Colour, painter } from '#cli/style.ts';
import { type Column, renderTable } from '#cli/table.ts';
import { formatSpan } from './age.ts';
import { statusLines } from './status-lines.ts';

export interface StatusStyle {
  readonly colours: boolean;
  /** With a table of all peers and all refused leases. */
  readonly wide: boolean;
}

const VERDICT_COLOUR: Readonly<Record<Verdict['state'], Colour>> = { ok: 'green', starting: 'yellow', trouble: 'red' };
/** On the page without the tables. */
const MOST_REFUSED = 5;

export function renderStatus(report: StatusReport, style: StatusStyle): string {
  const { verdict, troubles } = report;
  const paint = painter(style);
  const now = momentOf(report);
  const lines = statusLines(report, now);
  const width = Math.max(...lines.map(([name]) => name.length));
  const [state] = verdict.text.split(':', 1);
  const parts = [
    paint(VERDICT_COLOUR[verdict.state], state ?? '') + printable(verdict.text.slice(state?.length)),
    ...(verdict.remedy === undefined ? [] : [`remedy: ${printable(verdict.remedy)}`]),
    '',
    ...lines.map(([name, text]) => `${paint('bold', name.padEnd(width))}  ${printable(text)}`),
  ];
  if (troubles.length > 0) {
    parts.push('', paint('bold', 'Troubles'));
    for (const { code, what, remedy, since, failures } of troubles) {
      const times = failures > 1 ? `, ${failures} failures` : '';
      parts.push(`${paint('red', '✗')} ${printable(what)}`);
      parts.push(`  since ${since} (${formatSpan((now - Date.parse(since)) / 1000)}${times})`);
      parts.push(`  remedy: ${printable(remedy)}`, `  code:   ${code}`);
    }
  }
  return `${parts.join('\n')}\n${refusedText(report, style)}${peersText(report, style, now)}`;
}

/** When the report was made, by the agent's own clock. */
function momentOf({ agent }: StatusReport): number {
  return Date.parse(agent.startedAt) + agent.uptimeSeconds * 1000;
}

function refusedText({ peers }: StatusReport, style: StatusStyle): string {
  if (peers.refused.length === 0) return '';
  const rows = style.wide ? peers.refused : peers.refused.slice(0, MOST_REFUSED);
  const columns: readonly Column<RefusedReport>[] = [
    { title: 'refused', value: ({ subnets }) => subnets.join(' ') },
    { title: 'public ip', value: ({ publicIp }) => publicIp },
    {
      title: 'reason',
      value: ({ reason }) => reason,
      colour: ({ severity }) => (severity === 'warning' ? 'yellow' : undefined),
    },
  ];
  const more = peers.refusedCount - rows.length;
  const rest = more > 0 ? `and ${more} more: weft status -o ${style.wide ? 'json' : 'wide'}\n` : '';
  return `\n${renderTable(rows, columns, style)}${rest}`;
}

function peersText({ peers }: StatusReport, style: StatusStyle, now: number): string {
  if (!style.wide || peers.list === undefined) return '';
  if (peers.list.length === 0) return '\nno peers\n';
  const columns: readonly Column<PeerReport>[] = [
    { title: 'peer', value: ({ subnets }) => subnets.join(' ') },
    { title: 'public ip', value: ({ publicIp }) => publicIp },
    { title: 'mac', value: ({ mac }) => mac },
    {
      title: 'known for',
      value: ({ since }) => (since === undefined ? undefined : formatSpan((now - Date.parse(since)) / 1000)),
    },
  ];
  return `\n${renderTable(peers.list, columns, style)}`;
}

/** What a stranger wrote into etcd never moves the cursor. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '·');
}
