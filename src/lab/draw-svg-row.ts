/** A few hosts side by side: Pods on top, tunnels as arcs between the VXLAN devices, cables down to the switch. Pure. */
import type { SvgPart } from './draw-svg-matrix.ts';
import type { HostSnapshot, LabSnapshot } from './snapshot.ts';
import { element, label } from './svg-text.ts';

const CARD_WIDTH = 232;
const GAP = 34;
const POD_TOP = 0;
const POD_HEIGHT = 46;
const CARD_TOP = 72;
const CARD_HEIGHT = 132;
const VTEP_Y = CARD_TOP + CARD_HEIGHT;
const SWITCH_HEIGHT = 30;

/** Drawn with its upper left corner at the origin. */
export function drawSvgRow(snapshot: LabSnapshot, lost: ReadonlySet<string>): SvgPart {
  const count = snapshot.hosts.length;
  const width = count * CARD_WIDTH + (count - 1) * GAP;
  const depth = 42 + 22 * (count - 1);
  const switchTop = VTEP_Y + depth;
  const hosts = snapshot.hosts.map((host, index) => hostColumn(host, centre(index), switchTop));
  const bar = element('rect', { x: 0, y: switchTop, width, height: SWITCH_HEIGHT, rx: 7, class: 'switch' });
  const words = label(width / 2, switchTop + 20, 'switch-text middle', `switch ${snapshot.subnet}`);
  const layers = [
    hosts.map((host) => host.cable),
    bar,
    words,
    tunnels(snapshot, lost),
    hosts.map((host) => host.machine),
  ];
  return { svg: layers.flat().join('\n'), width, height: switchTop + SWITCH_HEIGHT };
}

function centre(index: number): number {
  return index * (CARD_WIDTH + GAP) + CARD_WIDTH / 2;
}

function tunnels(snapshot: LabSnapshot, lost: ReadonlySet<string>): readonly string[] {
  return snapshot.hosts.flatMap((from, a) =>
    snapshot.hosts.slice(a + 1).map((to, after) => {
      const b = a + 1 + after;
      const sag = VTEP_Y + 22 + 26 * (b - a);
      // The VTEP sits left of the cable, so that the two do not run into each other.
      const [left, right] = [centre(a) - 56, centre(b) - 56];
      const path = `M${left} ${VTEP_Y} C${left + 40} ${sag} ${right - 40} ${sag} ${right} ${VTEP_Y}`;
      const broken = lost.has(`${from.pod.name} ${to.pod.name}`);
      return element('path', { d: path, class: broken ? 'tunnel lost' : 'tunnel' });
    }),
  );
}

function hostColumn(
  host: HostSnapshot,
  x: number,
  switchTop: number,
): { readonly cable: string; readonly machine: string } {
  const left = x - CARD_WIDTH / 2;
  const podLeft = left + 26;
  const podWidth = CARD_WIDTH - 52;
  const healthy = host.agent.running && host.uplink === 'up';
  const line = (row: number, name: string, value: string, classes = ''): string =>
    label(left + 16, CARD_TOP + 46 + row * 21, 'soft', name) +
    label(left + 66, CARD_TOP + 46 + row * 21, classes, value);
  const cableX = x + 60;
  const cable = element('path', {
    d: `M${cableX} ${VTEP_Y} V${switchTop}`,
    class: host.uplink === 'up' ? 'cable' : 'cable cut',
  });
  const machine = [
    element('path', { d: `M${x} ${POD_TOP + POD_HEIGHT} V${CARD_TOP}`, class: 'pod-cable' }),
    element('rect', { x: podLeft, y: POD_TOP, width: podWidth, height: POD_HEIGHT, rx: 23, class: 'pod' }),
    label(x, POD_TOP + 20, 'name middle', host.pod.name),
    label(x, POD_TOP + 37, 'middle', host.pod.address ?? 'no address'),
    element('rect', {
      x: left,
      y: CARD_TOP,
      width: CARD_WIDTH,
      height: CARD_HEIGHT,
      rx: 10,
      class: healthy ? 'card' : 'card broken',
    }),
    label(left + 16, CARD_TOP + 24, 'name', host.name),
    label(left + CARD_WIDTH - 16, CARD_TOP + 24, ETCD_CLASS[host.etcd], ETCD_WORDS[host.etcd]),
    line(0, 'lease', host.lease ?? 'none', host.lease === undefined ? 'bad' : ''),
    line(1, 'vtep', host.deviceMac ?? 'none', 'weft-text'),
    line(2, 'agent', agentWords(host), host.agent.running ? '' : 'bad'),
    line(3, 'eth0', host.address),
    element('circle', { cx: x - 56, cy: VTEP_Y, r: 6, class: healthy ? 'vtep' : 'vtep broken' }),
    element('rect', { x: cableX - 6, y: VTEP_Y - 5, width: 12, height: 10, rx: 2, class: 'switch' }),
  ].join('\n');
  return { cable, machine };
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
