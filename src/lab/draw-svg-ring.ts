/** Many hosts on a ring: a chord is a tunnel, the ring itself the switch; each host is named outside. Pure. */
import type { SvgPart } from './draw-svg-matrix.ts';
import type { HostSnapshot, LabSnapshot } from './snapshot.ts';
import { element, escapeXml } from './svg-text.ts';

/** Length of a host's name with lease and address. */
const LABEL_ROOM = 230;

/** Drawn with its upper left corner at the origin. */
export function drawSvgRing(snapshot: LabSnapshot, lost: ReadonlySet<string>): SvgPart {
  const count = snapshot.hosts.length;
  const radius = Math.max(190, (count * 34) / Math.PI / 1.3);
  const centre = { x: radius + LABEL_ROOM, y: radius + LABEL_ROOM };
  const places = snapshot.hosts.map((_, index) => {
    const angle = (index / count) * 2 * Math.PI - Math.PI / 2;
    return { angle, x: centre.x + radius * Math.cos(angle), y: centre.y + radius * Math.sin(angle) };
  });
  const opacity = Math.max(0.9 - count / 55, 0.12).toFixed(2);
  const chords = snapshot.hosts.flatMap((from, a) =>
    snapshot.hosts.slice(a + 1).map((to, after) => {
      const [start, end] = [places[a], places[a + 1 + after]];
      if (start === undefined || end === undefined) return '';
      const d = `M${round(start.x)} ${round(start.y)} Q${round(centre.x)} ${round(centre.y)} ${round(end.x)} ${round(end.y)}`;
      const broken = lost.has(`${from.pod.name} ${to.pod.name}`);
      return element('path', { d, class: broken ? 'chord lost' : 'chord', 'stroke-opacity': broken ? '.9' : opacity });
    }),
  );
  const ring = element('circle', { cx: centre.x, cy: centre.y, r: radius, class: 'cable' });
  const hosts = snapshot.hosts.map((host, index) => hostMark(host, places[index] ?? { angle: 0, x: 0, y: 0 }));
  return {
    svg: [...chords, ring, ...hosts].join('\n'),
    width: 2 * (radius + LABEL_ROOM),
    height: 2 * (radius + LABEL_ROOM),
  };
}

interface Place {
  readonly angle: number;
  readonly x: number;
  readonly y: number;
}

function hostMark(host: HostSnapshot, place: Place): string {
  const broken = !host.agent.running || host.uplink === 'cut';
  const dot = element('circle', { cx: place.x, cy: place.y, r: 6, class: broken ? 'vtep broken' : 'vtep' });
  // Names run outwards along the radius, so that any number of them stands side by side; on the left they are turned over.
  const degrees = (place.angle * 180) / Math.PI;
  const left = Math.cos(place.angle) < -0.001;
  const turn = `translate(${round(place.x)} ${round(place.y)}) rotate(${round(left ? degrees + 180 : degrees)})`;
  const star = host.etcd === 'leader' ? '★ ' : '';
  const tone = broken ? 'name bad' : host.etcd === 'leader' ? 'name star' : 'name';
  const words = [
    element('tspan', { class: tone }, escapeXml(star + host.name)),
    element(
      'tspan',
      { class: 'small soft' },
      escapeXml(` ${host.lease ?? host.leaseIpv6 ?? 'no lease'} · ${host.address} `),
    ),
  ];
  const text = element(
    'text',
    { x: left ? -12 : 12, y: 5, class: left ? 'end' : 'start', transform: turn },
    ...(left ? words.toReversed() : words),
  );
  return dot + text;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
