/** Pieces of SVG as text: elements with escaped attributes and content. Pure. */

export type SvgAttributes = Readonly<Record<string, string | number | undefined>>;

/** `<name a="b">content</name>`; content is SVG already, attribute values are escaped here. */
export function element(name: string, attributes: SvgAttributes, ...content: readonly string[]): string {
  let open = `<${name}`;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) open += ` ${key}="${escapeXml(typeof value === 'number' ? formatNumber(value) : value)}"`;
  }
  return content.length === 0 ? `${open}/>` : `${open}>${content.join('')}</${name}>`;
}

/** A line of text with its class names; what it says may come from etcd and is escaped. */
export function label(x: number, y: number, classes: string, text: string, more: SvgAttributes = {}): string {
  return element('text', { x, y, class: classes, ...more }, escapeXml(text));
}

/** Characters that XML does not allow at all become a middle dot. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\u0020-\ud7ff\ue000-\ufffd]/g, '·')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** At most one decimal: tenths of a pixel are nobody's business. */
function formatNumber(value: number): string {
  return String(Math.round(value * 10) / 10);
}
