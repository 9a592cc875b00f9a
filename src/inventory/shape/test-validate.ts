/** A strict judge of JSON Schema for tests: it knows the keywords that we write, and refuses to judge by any other. */
import { isDeepStrictEqual } from 'node:util';
import { isJsonObject } from '#model/json-document.ts';
import type { Json } from '#model/lease.ts';
import type { JsonSchema } from './schema.ts';

const KNOWN = new Set([
  '$schema',
  'title',
  'description',
  'default',
  'type',
  'properties',
  'required',
  'additionalProperties',
  'propertyNames',
  'maxProperties',
  'items',
  'minItems',
  'maxItems',
  'uniqueItems',
  'enum',
  'const',
  'pattern',
  'maxLength',
  'minimum',
  'maximum',
  'anyOf',
]);

/** Whether the value is what the schema says. */
export function isValid(schema: JsonSchema, value: Json): boolean {
  for (const keyword of Object.keys(schema)) if (!KNOWN.has(keyword)) throw new Error(`unknown keyword ${keyword}`);
  if (schema.anyOf !== undefined && !schema.anyOf.some((one) => isValid(one, value))) return false;
  if (schema.type !== undefined && !isOfType(schema.type, value)) return false;
  if (schema.const !== undefined && !isDeepStrictEqual(schema.const, value)) return false;
  if (schema.enum !== undefined && !schema.enum.some((one) => isDeepStrictEqual(one, value))) return false;
  if (typeof value === 'string') return fitsText(schema, value);
  if (typeof value === 'number') return value >= (schema.minimum ?? value) && value <= (schema.maximum ?? value);
  if (Array.isArray(value)) return fitsList(schema, value);
  return !isJsonObject(value) || fitsMap(schema, value);
}

function isOfType(type: NonNullable<JsonSchema['type']>, value: Json): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isJsonObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function fitsText({ pattern, maxLength }: JsonSchema, value: string): boolean {
  // Editors compile patterns for Unicode, so they must be right there too.
  return value.length <= (maxLength ?? value.length) && new RegExp(pattern ?? '', 'u').test(value);
}

function fitsList(
  { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY, uniqueItems }: JsonSchema,
  value: readonly Json[],
): boolean {
  if (value.length < minItems || value.length > maxItems) return false;
  if (uniqueItems === true && new Set(value).size < value.length) return false;
  return items === undefined || value.every((item) => isValid(items, item));
}

function fitsMap(schema: JsonSchema, value: { readonly [name: string]: Json }): boolean {
  const { properties = {}, required = [], additionalProperties, propertyNames, maxProperties } = schema;
  const names = Object.keys(value);
  if (names.length > (maxProperties ?? names.length)) return false;
  if (required.some((name) => !Object.hasOwn(value, name))) return false;
  return Object.entries(value).every(([name, member]) => {
    if (propertyNames !== undefined && !isValid(propertyNames, name)) return false;
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (known !== undefined) return isValid(known, member);
    return (
      additionalProperties === undefined || (additionalProperties !== false && isValid(additionalProperties, member))
    );
  });
}
