/** The tables of docs/operating/inventory.md, from the definition of the inventory. Run it to write them anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inventorySchema } from '#inventory/document/inventory-shape.ts';
import { PATH_NAMES, PATH_TABLE, PRESETS } from '#inventory/document/paths.ts';
import type { JsonSchema } from '#inventory/shape/schema.ts';

export const INVENTORY_PAGE = join(import.meta.dirname, '../docs/operating/inventory.md');

const START = '<!-- from here: tools/inventory-page.ts -->';

/** The page with its tables replaced by what the definition says. */
export function renderInventoryPage(page: string): string {
  const at = page.indexOf(START);
  if (at < 0) throw new Error(`the line ${START} is missing`);
  return `${page.slice(0, at)}${START}\n\n${[...sections(), pathSection()].join('\n\n')}\n`;
}

function sections(): readonly string[] {
  const top = Object.entries(inventorySchema.properties ?? {});
  const plain = top.filter(([, schema]) => !isSection(schema));
  const rest = top.filter(([name, schema]) => isSection(schema) && name !== 'paths');
  return [
    table(
      '## At the top',
      plain.map(([name, schema]) => row(name, schema, isRequired(inventorySchema, name))),
    ),
    ...rest.map(([name, schema]) => {
      const inner = schema.items ?? schema;
      return table(`## ${name}: ${schema.description ?? ''}`, rows(inner, ''));
    }),
  ];
}

function isSection(schema: JsonSchema): boolean {
  return schema.properties !== undefined || schema.items?.properties !== undefined;
}

/** A row per field; those of maps below it by their path. */
function rows(schema: JsonSchema, above: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${above}${name}`;
    const own = row(path, field, isRequired(schema, name));
    if (path.endsWith('paths')) return [own];
    const inner = field.items ?? field;
    const mark = field.items === undefined ? '.' : '[].';
    const variants = (inner.anyOf ?? []).filter((one) => one.properties !== undefined);
    // Every program has the same choice of sources: it is told at the first.
    if (isSource(variants) && path !== 'etcd') return [own];
    return [own, ...rows(inner, `${path}${mark}`), ...variants.flatMap((one) => variantRows(one, `${path}${mark}`))];
  });
}

function isSource(variants: readonly JsonSchema[]): boolean {
  return variants.some((one) => one.properties?.['from'] !== undefined);
}

function variantRows(variant: JsonSchema, above: string): readonly string[] {
  const properties = variant.properties ?? {};
  const [tag] = Object.entries(properties).find(([, field]) => field.const !== undefined) ?? [];
  const word = tag === undefined ? '' : ` (${String(properties[tag]?.const)})`;
  const others = Object.fromEntries(Object.entries(properties).filter(([name]) => name !== tag));
  return rows({ ...variant, properties: others }, above).map((text) => text.replace('` |', `\`${word} |`));
}

function isRequired({ required = [] }: JsonSchema, name: string): boolean {
  return required.includes(name);
}

function row(path: string, schema: JsonSchema, required: boolean): string {
  const fallback = schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``;
  const cells = [`\`${path}\``, valuesOf(schema), required ? 'required' : fallback, schema.description ?? ''];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** What may stand there, in few words. */
function valuesOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${String(word)}\``).join(', ');
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(valuesOf))].join(' or ');
  if (schema.minimum !== undefined) return `${schema.minimum} to ${schema.maximum}`;
  if (schema.type === 'array') return arrayOf(schema);
  if (schema.type === 'object') return 'map';
  if (schema.type === 'boolean') return '`true`, `false`';
  return schema.type === 'integer' ? 'whole number' : 'text';
}

function arrayOf({ items, maxItems }: JsonSchema): string {
  const what = items?.enum === undefined ? '' : `: ${valuesOf(items)}`;
  return `list of at most ${maxItems}${what}`;
}

function table(title: string, lines: readonly string[]): string {
  return [title, '', '| Field | Value | Default | What it is |', '|---|---|---|---|', ...lines].join('\n');
}

function pathSection(): string {
  const lines = PATH_NAMES.map((name) => {
    const { about, places } = PATH_TABLE[name];
    return `| \`${name}\` | ${about} | ${PRESETS.map((preset) => `\`${places[preset]}\``).join(' | ')} |`;
  });
  const head = `| Field | What is there | ${PRESETS.join(' | ')} |`;
  return [
    '## paths: where things are on the hosts',
    '',
    head,
    `|---|---|${'---|'.repeat(PRESETS.length)}`,
    ...lines,
  ].join('\n');
}

if (import.meta.main) writeFileSync(INVENTORY_PAGE, renderInventoryPage(readFileSync(INVENTORY_PAGE, 'utf8')));
