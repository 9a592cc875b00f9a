/** Colours for terminals. Whether to use them is decided once, at the edge (`CommandContext.terminal.colours`). */
export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim';

const CODES: Record<Colour, readonly [on: number, off: number]> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
  bold: [1, 22],
  dim: [2, 22],
};

/** The text in that colour, always: ask `terminal.colours` first, or use `painter`. */
export function paint(colour: Colour, text: string): string {
  const [on, off] = CODES[colour];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

/** `paint` on a terminal with colours, the bare text otherwise. */
export function painter(terminal: { readonly colours: boolean }): (colour: Colour, text: string) => string {
  return terminal.colours ? paint : (_, text) => text;
}
