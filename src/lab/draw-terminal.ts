/**
 * The lab drawn with characters: Pods above, hosts below them, the switch as a double line under the hosts. More hosts
 * than fit side by side become rows of boxes on one switch, very many a list. Pure.
 */
import type { Colour } from '#cli/style.ts';
import type { DrawingStyle } from './draw-matrix.ts';
import type { HostSnapshot, LabSnapshot } from './snapshot.ts';

const BOX_WIDTH = 26;
const INNER = BOX_WIDTH - 2;
const GAP = 1;
const LABEL_WIDTH = 6;
const VALUE_WIDTH = INNER - LABEL_WIDTH - 1;
/** Where cables leave a box, from its left edge. */
const CABLE = BOX_WIDTH / 2;
const MOST_BOXES = 12;
/** Width of the switch's trunk at the left edge when there are several rows. */
const TRUNK = 2;

const ETCD_TEXT = { leader: '★ leader', follower: 'follower', down: '✗ down', none: '-' } as const;
const ETCD_COLOUR = { leader: 'yellow', follower: undefined, down: 'red', none: 'dim' } as const;

/** Ends with a line feed. */
export function drawTerminal(snapshot: LabSnapshot, style: DrawingStyle): string {
  const title = `lab ${snapshot.name}: ${snapshot.backend} for Pods in ${snapshot.podNetworks.join(' and ')}`;
  const boxed = snapshot.hosts.length <= MOST_BOXES && boxesIn(style.columns - TRUNK) > 0;
  const lines = boxed ? boxLines(snapshot, style) : listLines(snapshot, style);
  return `${[style.paint('bold', title), ...lines].map((line) => line.trimEnd()).join('\n')}\n`;
}

function boxesIn(columns: number): number {
  return Math.floor((columns + GAP) / (BOX_WIDTH + GAP));
}

function boxLines(snapshot: LabSnapshot, style: DrawingStyle): readonly string[] {
  const label = style.paint('cyan', `switch ${snapshot.subnet}`);
  const rowNames = rowsOf(snapshot);
  if (snapshot.hosts.length <= boxesIn(style.columns)) {
    return [...boxRow(snapshot.hosts, rowNames, style), bus(snapshot.hosts, style), label];
  }
  const perRow = boxesIn(style.columns - TRUNK);
  const rows: (readonly HostSnapshot[])[] = [];
  for (let at = 0; at < snapshot.hosts.length; at += perRow) rows.push(snapshot.hosts.slice(at, at + perRow));
  const drawn = rows.flatMap((hosts, index) => {
    const edge = index === 0 ? ' ' : style.paint('cyan', '║');
    const corner = index === 0 ? '╔' : index === rows.length - 1 ? '╚' : '╠';
    const boxes = boxRow(hosts, rowNames, style).map((line) => `${edge} ${line}`);
    return [...boxes, style.paint('cyan', `${corner}═`) + bus(hosts, style)];
  });
  return [...drawn, label];
}

/** What the boxes say: the same rows in all of them. */
interface BoxRows {
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly vtep: boolean;
}

function rowsOf({ hosts, podNetworks }: LabSnapshot): BoxRows {
  return {
    ipv4: podNetworks.some((network) => !network.includes(':')),
    ipv6: podNetworks.some((network) => network.includes(':')),
    vtep: hosts.some(({ deviceMac }) => deviceMac !== undefined),
  };
}

function boxRow(hosts: readonly HostSnapshot[], rows: BoxRows, style: DrawingStyle): readonly string[] {
  const boxes = hosts.map((host) => hostBox(host, rows, style));
  return (boxes[0] ?? []).map((_, at) => boxes.map((box) => box[at] ?? '').join(' '.repeat(GAP)));
}

function hostBox(host: HostSnapshot, rows: BoxRows, style: DrawingStyle): readonly string[] {
  const name = ` ${host.name} `;
  const pod = ` ${host.pod.name} `;
  const podInner = INNER - 4;
  const row = (label: string, value: string, colour?: Colour): string => {
    const text = shorten(value, VALUE_WIDTH).padEnd(VALUE_WIDTH);
    return `│ ${style.paint('dim', label.padEnd(LABEL_WIDTH))}${colour === undefined ? text : style.paint(colour, text)}│`;
  };
  const lease = (label: string, value: string | undefined): string =>
    row(label, value ?? '✗ none', value === undefined ? 'red' : undefined);
  const podRow = (address: string | undefined): string =>
    `  │ ${shorten(address ?? 'no address', podInner - 1).padEnd(podInner - 1)}│  `;
  return [
    `  ╭─${pod}${'─'.repeat(podInner - 1 - pod.length)}╮  `,
    ...(rows.ipv4 ? [podRow(host.pod.address)] : []),
    ...(rows.ipv6 ? [podRow(host.pod.addressIpv6)] : []),
    `  ╰${ruleWith('─', podInner, CABLE - 3, '┬')}╯  `,
    `╭─${style.paint('bold', name)}${ruleWith('─', INNER - 1 - name.length, CABLE - 2 - name.length, '┴')}╮`,
    ...(rows.ipv4 ? [lease('lease', host.lease)] : []),
    ...(rows.ipv6 ? [lease(rows.ipv4 ? '' : 'lease', host.leaseIpv6)] : []),
    ...(rows.vtep ? [row('vtep', host.deviceMac ?? '-')] : []),
    row('agent', agentText(host), host.agent.running ? undefined : 'red'),
    row('etcd', ETCD_TEXT[host.etcd], ETCD_COLOUR[host.etcd]),
    row('eth0', host.address),
    ...(rows.ipv6 ? [row('', host.addressIpv6 ?? '-')] : []),
    `╰${host.uplink === 'up' ? ruleWith('─', INNER, CABLE - 1, '┬') : '─'.repeat(INNER)}╯`,
  ];
}

/** The switch below a row of boxes: a plug per host, a cross where the cable is cut. */
function bus(hosts: readonly HostSnapshot[], style: DrawingStyle): string {
  const parts = hosts.map((host) =>
    host.uplink === 'up'
      ? style.paint('cyan', ruleWith('═', BOX_WIDTH, CABLE, '╧'))
      : style.paint('cyan', '═'.repeat(CABLE)) + style.paint('red', '✗') + style.paint('cyan', '═'.repeat(CABLE - 1)),
  );
  return parts.join(style.paint('cyan', '═'.repeat(GAP)));
}

function listLines(snapshot: LabSnapshot, style: DrawingStyle): readonly string[] {
  const width = Math.max(...snapshot.hosts.map((host) => host.name.length));
  const lines = snapshot.hosts.map((host, index) => {
    const joint = index === snapshot.hosts.length - 1 ? '╚' : '╠';
    const cable = host.uplink === 'up' ? style.paint('cyan', `${joint}══`) : style.paint('red', `${joint}═✗`);
    const etcd =
      host.etcd === 'none' ? '' : style.paint(ETCD_COLOUR[host.etcd] ?? 'dim', `  etcd ${ETCD_TEXT[host.etcd]}`);
    const agent = host.agent.running ? '' : style.paint('red', '  agent ✗ not running');
    const leases = [host.lease, host.leaseIpv6].filter((lease) => lease !== undefined);
    const addresses = [host.pod.address, host.pod.addressIpv6].filter((address) => address !== undefined);
    const pod = `${leases.join(' ') || 'no lease'} ── ${host.pod.name} ${addresses.join(' ') || '-'}`;
    return `${cable} ${host.name.padEnd(width)} ${host.address} ── ${pod}${etcd}${agent}`;
  });
  return [style.paint('cyan', `╔══ switch ${snapshot.subnet}`), ...lines];
}

function agentText(host: HostSnapshot): string {
  if (!host.agent.running) return '✗ not running';
  return host.agent.readyMs === undefined ? 'running' : `ready in ${host.agent.readyMs} ms`;
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** A rule of `width` characters with one of them, at `at`, replaced by a joint. */
function ruleWith(line: string, width: number, at: number, joint: string): string {
  return line.repeat(at) + joint + line.repeat(width - at - 1);
}
