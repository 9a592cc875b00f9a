/** The JSON object that a runtime gives a plugin on standard input. Names match in any case, as in Go's plugins. */
import { isJsonObject, memberOf } from '#model/json-document.ts';
import type { Json } from '#model/lease.ts';
import { CNI_CODES, CniError, errorText } from './error.ts';

export type JsonObject = { readonly [name: string]: Json };

/** Far more than any configuration with its result; a result of a thousand addresses has 100 KB. */
export const INPUT_LIMIT_BYTES = 4 * 1024 * 1024;

export interface Configuration {
  /** As written; empty when there is none. */
  readonly cniVersion: string;
  readonly name: string;
  /** The whole object, with the names as they were written: `memberOf` finds them. */
  readonly members: JsonObject;
}

/** A container and one of its interfaces, as GC is told which are still there. */
export interface Attachment {
  readonly containerId: string;
  readonly ifname: string;
}

/** Throws CniError 6 for what is no JSON object or has members of the wrong type, 7 for a missing or odd name. */
export function parseConfiguration(text: string): Configuration {
  const members = parseObject(text, 'network config');
  const cniVersion = textMember(members, 'cniversion') ?? '';
  const name = textMember(members, 'name') ?? '';
  if (name === '') throw new CniError(CNI_CODES.invalidConfiguration, 'missing network name');
  if (!/^[a-zA-Z0-9][\w.-]*$/.test(name)) {
    throw new CniError(CNI_CODES.invalidConfiguration, 'invalid characters found in network name', name);
  }
  return { cniVersion, name, members };
}

/** The version as written, of a text that may be anything; empty when none can be found. */
export function configuredVersion(text: string): string {
  try {
    return textMember(parseObject(text, 'network config'), 'cniversion') ?? '';
  } catch {
    return '';
  }
}

/** Throws CniError 6; `what` is for the message. */
export function parseObject(text: string, what: string): JsonObject {
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CniError(CNI_CODES.decodingFailure, `error unmarshall ${what}: ${errorText(error)}`);
  }
  if (isJsonObject(value)) return value;
  throw new CniError(CNI_CODES.decodingFailure, `error unmarshall ${what}: it is no JSON object`);
}

/** The member of that name, folded; undefined when it is absent or null. Throws CniError 6 for another type. */
export function textMember(members: JsonObject, name: string): string | undefined {
  const value = memberOf(members, name);
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  throw wrongType(name, 'a string', value);
}

/** The same for a member that is an object. */
export function objectMember(members: JsonObject, name: string): JsonObject | undefined {
  const value = memberOf(members, name);
  if (value === undefined || value === null) return undefined;
  if (isJsonObject(value)) return value;
  throw wrongType(name, 'an object', value);
}

/** The same for a list. */
export function listMember(members: JsonObject, name: string): readonly Json[] | undefined {
  const value = memberOf(members, name);
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value;
  throw wrongType(name, 'a list', value);
}

/**
 * The attachments that GC is to keep. `null` is an empty list, as Go writes one. No list at all is an error: without it
 * nobody knows what may go, and all would.
 */
export function validAttachments({ members }: Configuration): readonly Attachment[] {
  // libcni also writes the second name, which an early text of the specification had.
  const names = ['cni.dev/valid-attachments', 'cni.dev/attachments'];
  const name = names.find((each) => memberOf(members, each) !== undefined);
  if (name === undefined) {
    throw new CniError(CNI_CODES.invalidConfiguration, `GC without ${names[0]}: nothing was removed`);
  }
  return (listMember(members, name) ?? []).map((item) => {
    const attachment = isJsonObject(item) ? item : {};
    const containerId = textMember(attachment, 'containerid') ?? '';
    const ifname = textMember(attachment, 'ifname') ?? '';
    if (containerId !== '' && ifname !== '') return { containerId, ifname };
    throw new CniError(CNI_CODES.invalidConfiguration, `${name} has an item without containerID or ifname`);
  });
}

function wrongType(name: string, wanted: string, value: Json): CniError {
  const found = JSON.stringify(value).slice(0, 80);
  return new CniError(CNI_CODES.decodingFailure, `error unmarshall network config: ${name} must be ${wanted}`, found);
}
