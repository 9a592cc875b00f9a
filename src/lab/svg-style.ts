/**
 * Look of the SVG picture, for white and for black paper: the reader's preference decides where the viewer tells it, and
 * the light one stands otherwise. Plain classes (many viewers know no CSS variables) and system fonts; the file refers to
 * nothing outside itself.
 */
interface Palette {
  readonly ink: string;
  readonly soft: string;
  readonly card: string;
  readonly page: string;
  readonly line: string;
  /** The overlay: tunnels, VXLAN devices, Pods. */
  readonly weft: string;
  /** The underlay: cables and the switch. */
  readonly warp: string;
  readonly bad: string;
  readonly pod: string;
}

const LIGHT: Palette = {
  ink: '#1f2733',
  soft: '#5c6877',
  card: '#ffffff',
  page: '#f5f7fa',
  line: '#c9d1dc',
  weft: '#0f8b8d',
  warp: '#b45f06',
  bad: '#c62828',
  pod: '#e3f2f1',
};
const DARK: Palette = {
  ink: '#e4e9f0',
  soft: '#9aa7b7',
  card: '#1c232d',
  page: '#12171e',
  line: '#3a4553',
  weft: '#3cc0bf',
  warp: '#e59a3c',
  bad: '#ef6b6b',
  pod: '#16343a',
};

const SANS = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif";
const MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

const SHAPE = `
  text { font-family: ${MONO}; font-size: 13px }
  .title { font-family: ${SANS}; font-size: 19px; font-weight: 600 }
  .name { font-family: ${SANS}; font-size: 15px; font-weight: 600 }
  .words { font-family: ${SANS}; font-size: 13px }
  .small { font-size: 11px }
  .middle { text-anchor: middle }
  .end { text-anchor: end }
  .cable { stroke-width: 3; fill: none }
  .cut { stroke-dasharray: 2 6 }
  .tunnel { stroke-width: 1.6; stroke-dasharray: 6 4; fill: none }
  .pod-cable { stroke-width: 2 }
  .chord { fill: none }
  .self { fill-opacity: .4 }
  .switch-text { font-weight: 600 }`;

export const SVG_STYLE = `${SHAPE}${colours(LIGHT)}
  @media (prefers-color-scheme: dark) {${colours(DARK)}
  }
`;

/** Later lines win over earlier ones: states come after what they are states of. */
function colours(palette: Palette): string {
  return `
  text { fill: ${palette.ink} }
  .soft, .words { fill: ${palette.soft} }
  .weft-text { fill: ${palette.weft} }
  .star { fill: ${palette.warp} }
  .bad { fill: ${palette.bad} }
  .page { fill: ${palette.page}; stroke: ${palette.line} }
  .card { fill: ${palette.card}; stroke: ${palette.line} }
  .pod { fill: ${palette.pod}; stroke: ${palette.weft} }
  .cable { stroke: ${palette.warp} }
  .switch { fill: ${palette.warp} }
  .switch-text { fill: ${palette.card} }
  .tunnel, .chord, .pod-cable { stroke: ${palette.weft} }
  .vtep, .cell { fill: ${palette.weft} }
  .self { fill: ${palette.line} }
  .broken.vtep, .lost.cell { fill: ${palette.bad} }
  .broken.card, .cut, .lost.tunnel, .lost.chord { stroke: ${palette.bad} }`;
}
