/** The picture of a lab as an SVG file that stands alone: hosts, tunnels, switch and the Pod matrix. Pure. */
import { drawSvgMatrix, type SvgPart } from './draw-svg-matrix.ts';
import { drawSvgRing } from './draw-svg-ring.ts';
import { drawSvgRow } from './draw-svg-row.ts';
import type { PodMatrix } from './matrix.ts';
import { hasTunnels, type LabSnapshot, matricesOf } from './snapshot.ts';
import { SVG_STYLE } from './svg-style.ts';
import { element, escapeXml, label } from './svg-text.ts';

/** Most hosts that are drawn as cards side by side. */
const MOST_CARDS = 6;
const MARGIN = 28;
const TITLE_HEIGHT = 66;

/** The file's text; ends with a line feed. */
export function drawSvg(snapshot: LabSnapshot): string {
  const named = matricesOf(snapshot);
  const lost = new Set(named.flatMap(({ matrix }) => lostTunnels(matrix)));
  const fabric = snapshot.hosts.length <= MOST_CARDS ? drawSvgRow(snapshot, lost) : drawSvgRing(snapshot, lost);
  const matrices = named.map(drawSvgMatrix);
  const width = Math.max(fabric.width, ...matrices.map((matrix) => matrix.width)) + 2 * MARGIN;
  let height = TITLE_HEIGHT + MARGIN + fabric.height + MARGIN;
  const placedMatrices = matrices.map((matrix) => {
    const svg = placed(matrix, (width - matrix.width) / 2, height);
    height += matrix.height + MARGIN;
    return svg;
  });
  const networks = snapshot.podNetworks.join(' and ');
  const about = `${snapshot.hosts.length} hosts in ${snapshot.subnet}, Pods in ${networks}, ${snapshot.backend}`;
  const parts = [
    element('title', {}, escapeXml(`weft lab ${snapshot.name}: ${about}`)),
    `<style>${SVG_STYLE}</style>`,
    element('rect', { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 14, class: 'page' }),
    label(MARGIN, MARGIN + 16, 'title', `weft lab ${snapshot.name}`),
    label(MARGIN, MARGIN + 38, 'words', about),
    legend(width - MARGIN, MARGIN + 12, `switch ${snapshot.subnet}`, wayWords(snapshot)),
    placed(fabric, (width - fabric.width) / 2, TITLE_HEIGHT + MARGIN),
    ...(placedMatrices.length === 0 ? [''] : placedMatrices),
  ];
  const size = {
    width: Math.ceil(width),
    height: Math.ceil(height),
    viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`,
  };
  return `${element('svg', { xmlns: 'http://www.w3.org/2000/svg', role: 'img', ...size }, '\n', parts.join('\n'), '\n')}\n`;
}

/** What the lines are, right-aligned at `x`. */
function legend(x: number, y: number, switchName: string, way: string): string {
  const line = (classes: string, at: number): string =>
    element('path', { d: `M${x - 34} ${at} H${x}`, class: classes });
  return [
    label(x - 44, y + 4, 'words end', switchName),
    line('cable', y),
    label(x - 44, y + 26, 'words end', way),
    line('tunnel', y + 22),
  ].join('\n');
}

function wayWords(snapshot: LabSnapshot): string {
  if (snapshot.backend === 'vxlan') return 'tunnel between VTEPs';
  return hasTunnels(snapshot) ? 'tunnel between hosts' : 'route between hosts';
}

function placed(part: SvgPart, x: number, y: number): string {
  return element('g', { transform: `translate(${Math.round(x)} ${Math.round(y)})` }, '\n', part.svg, '\n');
}

/** Names of both Pods of every pair that lost a ping, in the order of the hosts. */
function lostTunnels({ pods, cells }: PodMatrix): readonly string[] {
  return cells.flatMap((row, from) =>
    row.flatMap((cell, to) => (cell === 'lost' ? [`${pods[Math.min(from, to)]} ${pods[Math.max(from, to)]}`] : [])),
  );
}
