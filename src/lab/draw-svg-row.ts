/** A few hosts side by side: Pods on top, tunnels as arcs between the hosts' tunnel ends, cables down to the switch. Pure. */
import type { SvgPart } from './draw-svg-matrix.ts';
import type { HostSnapshot, LabSnapshot } from './snapshot.ts';
import { element, label } from './svg-text.ts';

const CARD_WIDTH = 232;
const GAP = 34;
const POD_TOP = 0;
const POD_LINE = 17;
const CARD_LINE = 21;
const SWITCH_HEIGHT = 30;

/** Drawn with its upper left corner at the origin. */
export function drawSvgRow(snapshot: LabSnapshot, lost: ReadonlySet<string>): SvgPart {
  const count = snapshot.hosts.length;
  const width = count * CARD_WIDTH + (count - 1) * GAP;
  const depth = 42 + 22 * (count - 1);
  const shape = columnShape(snapshot);
  const switchTop = shape.cardBottom + depth;
  const hosts = snapshot.hosts.map((host, index) => hostColumn(host, { x: centre(index), switchTop, shape }));
  const bar = element('rect', { x: 0, y: switchTop, width, height: SWITCH_HEIGHT, rx: 7, class: 'switch' });
  const words = label(width / 2, switchTop + 20, 'switch-text middle', `switch ${snapshot.subnet}`);
  const layers = [
    hosts.map((host) => host.cable),
    bar,
    words,
    tunnels(snapshot, shape.cardBottom, lost),
    hosts.map((host) => host.machine),
  ];
  return { svg: layers.flat().join('\n'), width, height: switchTop + SWITCH_HEIGHT };
}

function centre(index: number): number {
  return index * (CARD_WIDTH + GAP) + CARD_WIDTH / 2;
}

/** What all columns have in common, so that they are equally high. */
interface ColumnShape {
  readonly podBottom: number;
  readonly cardTop: number;
  readonly cardBottom: number;
  /** Lines of a card that every host has, whether with a value or not. */
  readonly lines: readonly HostLine[];
}

type HostLine = 'lease' | 'IPv6' | 'vtep';

function columnShape({ hosts, podNetworks }: LabSnapshot): ColumnShape {
  const ipv6 = podNetworks.some((network) => network.includes(':'));
  const ipv4 = podNetworks.some((network) => !network.includes(':'));
  const lines: HostLine[] = [];
  if (ipv4) lines.push('lease');
  if (ipv6) lines.push('IPv6');
  if (hosts.some(({ deviceMac }) => deviceMac !== undefined)) lines.push('vtep');
  const podBottom = POD_TOP + 29 + podNetworks.length * POD_LINE;
  const cardTop = podBottom + 26;
  return { podBottom, cardTop, cardBottom: cardTop + 48 + (lines.length + 2) * CARD_LINE, lines };
}

function tunnels(snapshot: LabSnapshot, bottom: number, lost: ReadonlySet<string>): readonly string[] {
  return snapshot.hosts.flatMap((from, a) =>
    snapshot.hosts.slice(a + 1).map((to, after) => {
      const b = a + 1 + after;
      const sag = bottom + 22 + 26 * (b - a);
      // The VTEP sits left of the cable, so that the two do not run into each other.
      const [left, right] = [centre(a) - 56, centre(b) - 56];
      const path = `M${left} ${bottom} C${left + 40} ${sag} ${right - 40} ${sag} ${right} ${bottom}`;
      const broken = lost.has(`${from.pod.name} ${to.pod.name}`);
      return element('path', { d: path, class: broken ? 'tunnel lost' : 'tunnel' });
    }),
  );
}

interface ColumnPlace {
  /** Of the middle. */
  readonly x: number;
  readonly switchTop: number;
  readonly shape: ColumnShape;
}

function hostColumn(
  host: HostSnapshot,
  { x, switchTop, shape }: ColumnPlace,
): { readonly cable: string; readonly machine: string } {
  const { podBottom, cardTop, cardBottom, lines } = shape;
  const left = x - CARD_WIDTH / 2;
  const podLeft = left + 26;
  const podWidth = CARD_WIDTH - 52;
  const healthy = host.agent.running && host.uplink === 'up';
  const line = (row: number, name: string, value: string, classes = ''): string =>
    label(left + 16, cardTop + 46 + row * CARD_LINE, 'soft', name) +
    label(left + 66, cardTop + 46 + row * CARD_LINE, classes, value);
  const cableX = x + 60;
  const cable = element('path', {
    d: `M${cableX} ${cardBottom} V${switchTop}`,
    class: host.uplink === 'up' ? 'cable' : 'cable cut',
  });
  const machine = [
    element('path', { d: `M${x} ${podBottom} V${cardTop}`, class: 'pod-cable' }),
    element('rect', { x: podLeft, y: POD_TOP, width: podWidth, height: podBottom - POD_TOP, rx: 23, class: 'pod' }),
    label(x, POD_TOP + 20, 'name middle', host.pod.name),
    ...podWords(host).map((words, at) => label(x, POD_TOP + 37 + at * POD_LINE, 'middle', words)),
    element('rect', {
      x: left,
      y: cardTop,
      width: CARD_WIDTH,
      height: cardBottom - cardTop,
      rx: 10,
      class: healthy ? 'card' : 'card broken',
    }),
    label(left + 16, cardTop + 24, 'name', host.name),
    label(left + CARD_WIDTH - 16, cardTop + 24, ETCD_CLASS[host.etcd], ETCD_WORDS[host.etcd]),
    ...lines.map((name, row) => line(row, name, ...hostLine(host, name))),
    line(lines.length, 'agent', agentWords(host), host.agent.running ? '' : 'bad'),
    line(lines.length + 1, 'eth0', host.address),
    element('circle', { cx: x - 56, cy: cardBottom, r: 6, class: healthy ? 'vtep' : 'vtep broken' }),
    element('rect', { x: cableX - 6, y: cardBottom - 5, width: 12, height: 10, rx: 2, class: 'switch' }),
  ].join('\n');
  return { cable, machine };
}

/** Value and class. */
function hostLine(host: HostSnapshot, name: HostLine): readonly [string, string] {
  if (name === 'vtep') return [host.deviceMac ?? 'none', 'weft-text'];
  const lease = name === 'lease' ? host.lease : host.leaseIpv6;
  return [lease ?? 'none', lease === undefined ? 'bad' : ''];
}

function podWords({ pod }: HostSnapshot): readonly string[] {
  const addresses = [pod.address, pod.addressIpv6].filter((address) => address !== undefined);
  return addresses.length === 0 ? ['no address'] : addresses;
}

const ETCD_WORDS = { leader: '★ etcd leader', follower: 'etcd', down: '✗ etcd', none: '' } as const;
const ETCD_CLASS = {
  leader: 'small end star',
  follower: 'small end soft',
  down: 'small end bad',
  none: 'small end',
} as const;

function agentWords(host: HostSnapshot): string {
  if (!host.agent.running) return '✗ not running';
  const memory = host.agent.rssBytes === undefined ? '' : `${Math.round(host.agent.rssBytes / 1024 / 1024)} MiB`;
  const ready = host.agent.readyMs === undefined ? '' : `${host.agent.readyMs} ms`;
  return [ready, memory].filter((text) => text !== '').join(', ') || 'running';
}
