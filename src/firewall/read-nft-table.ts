/** Reads what `nft list table` prints for a table of ours. What is not of our form is kept as text, so that it differs. */
import { Fault } from '#runtime/fault.ts';
import type { NftChain, NftTable } from './nft-table.ts';

/** Throws Fault `firewall.output` when `text` is no table; `where` names the command. */
export function readNftTable(text: string, where: string): NftTable {
  const lines = text.split('\n').map((line) => line.trim());
  const start = lines.findIndex((line) => line.startsWith('table ') && line.endsWith('{'));
  const [statements, end] = readBlock(lines, start + 1, where);
  if (start < 0 || lines.slice(end).some((line) => line !== '' && !line.startsWith('#'))) throw unreadable(text, where);
  const plain = statements.filter((statement) => statement.body === undefined).map(({ text: words }) => words);
  const blocks = statements.filter((statement) => statement.body !== undefined);
  const chains = blocks.filter((block) => block.text.startsWith('chain ')).map(chainOf);
  const foreign = blocks.filter((block) => !block.text.startsWith('chain ')).map((block) => `${block.text} {…}`);
  return { ...commentOf(plain), chains, extra: [...plain.filter((line) => !isComment(line)), ...foreign] };
}

/**
 * Whether two tables mean the same. Releases of nft print numbers differently (`0x4000`, `0x00004000`; `srcnat`, `100`).
 */
export function sameNftTable(a: NftTable, b: NftTable): boolean {
  return canonical(a) === canonical(b);
}

export function sameNftRule(a: string, b: string | undefined): boolean {
  return b !== undefined && canonicalWords(a) === canonicalWords(b);
}

interface Statement {
  readonly text: string;
  /** Lines of a block; undefined for a plain statement. */
  readonly body: readonly string[] | undefined;
}

/** The statements up to the closing brace, and the number of the line behind it. */
function readBlock(lines: readonly string[], from: number, where: string): readonly [readonly Statement[], number] {
  const statements: Statement[] = [];
  for (let at = from; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line === '}') return [statements, at + 1];
    if (line === '') continue;
    if (!line.endsWith('{')) {
      statements.push({ text: line, body: undefined });
      continue;
    }
    const close = lines.indexOf('}', at);
    if (close < 0) break;
    statements.push({ text: line.slice(0, -1).trim(), body: lines.slice(at + 1, close) });
    at = close;
  }
  throw unreadable(lines.join('\n'), where);
}

function chainOf({ text, body = [] }: Statement): NftChain {
  const lines = body.filter((line) => line !== '');
  const header = lines.find((line) => line.startsWith('type ')) ?? '';
  const rules = lines.filter((line) => line !== header && !isComment(line));
  return { name: text.slice('chain '.length), header, rules, ...commentOf(lines) };
}

function isComment(line: string): boolean {
  return line.startsWith('comment "');
}

function commentOf(lines: readonly string[]): { readonly comment: string | undefined } {
  return { comment: /^comment "(.*)"$/.exec(lines.find(isComment) ?? '')?.[1] };
}

function canonical(table: NftTable): string {
  const chains = table.chains
    .map((chain) => [chain.name, chain.comment, canonicalWords(chain.header), chain.rules.map(canonicalWords)])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return JSON.stringify([table.comment, chains, table.extra]);
}

function canonicalWords(text: string): string {
  return text
    .replaceAll(/\b0x0*(?=[\da-f])/g, '0x')
    .replace(/priority srcnat\b/, 'priority 100')
    .replace(/priority filter\b/, 'priority 0');
}

function unreadable(text: string, where: string): Fault {
  return new Fault('firewall.output', { what: `not what nft list table prints: ${text.trim().slice(0, 120)}`, where });
}
