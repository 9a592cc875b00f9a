/**
 * The lease in docker's own configuration file: `bip`, `mtu` and `ip-masq` of daemon.json. Nothing else in it is touched,
 * not the order and not a blank. Pure.
 */
import { type JsonMember, type JsonObjectText, readJsonObject } from './json-text.ts';

/** The members that are ours. */
export const LEASE_KEYS = ['bip', 'mtu', 'ip-masq'] as const;
export type LeaseKey = (typeof LEASE_KEYS)[number];

/** Undefined: the member is to be absent. */
export type LeaseSettings = Readonly<Record<LeaseKey, string | number | boolean | undefined>>;

/** What a file says about them; undefined text is no file. Fault `docker.daemon-json`. */
export function leaseSettings(text: string | undefined, path: string): LeaseSettings {
  const members = text === undefined ? [] : readJsonObject(text, path).members;
  const settingOf = (key: LeaseKey): string | number | boolean | undefined => {
    const value = members.find(({ name }) => name === key)?.value;
    // Of another type it is docker that refuses it; here it only has to differ from what is wanted.
    return typeof value === 'object' ? JSON.stringify(value) : asScalar(value);
  };
  return { bip: settingOf('bip'), mtu: settingOf('mtu'), 'ip-masq': settingOf('ip-masq') };
}

/** The text with these settings and all else as it is; a file that is not there begins as an empty object. */
export function withLeaseSettings(text: string | undefined, settings: LeaseSettings, path: string): string {
  let edited = text ?? '{\n}\n';
  for (const key of LEASE_KEYS) {
    const object = readJsonObject(edited, path);
    const member = object.members.find(({ name }) => name === key);
    const value = settings[key];
    if (value === undefined) edited = member === undefined ? edited : removeMember(object, member);
    else if (member === undefined) edited = addMember(object, `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
    else if (member.value !== value)
      edited = replaceRange(edited, member.valueStart, member.end, JSON.stringify(value));
  }
  return edited;
}

/**
 * The file as it was before there were settings of ours in it; undefined for no file. Where nothing else was changed since,
 * that is the original to the last character; else the other changes stay.
 */
export function restoreSettings(
  text: string | undefined,
  original: string | undefined,
  path: string,
): string | undefined {
  if (text === undefined) return original;
  const restored = withLeaseSettings(original, leaseSettings(text, path), path);
  if (restored === text) return original;
  return withLeaseSettings(text, leaseSettings(original, path), path);
}

/** The members of a file that someone set, by name. */
export function membersNamed(text: string | undefined, names: readonly string[], path: string): readonly JsonMember[] {
  return text === undefined ? [] : readJsonObject(text, path).members.filter(({ name }) => names.includes(name));
}

function asScalar(value: unknown): string | number | boolean | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
}

/** After the last one, indented as that one is. */
function addMember({ text, members, open, close }: JsonObjectText, member: string): string {
  const last = members.at(-1);
  const before = last === undefined ? open + 1 : last.end;
  const comma = last === undefined ? '' : ',';
  const onOneLine = last !== undefined && !text.slice(open, close).includes('\n');
  if (onOneLine) return replaceRange(text, before, before, `${comma} ${member}`);
  const indent = last === undefined ? '  ' : (/\n([ \t]*)$/.exec(text.slice(0, last.start))?.[1] ?? '  ');
  const end = text.slice(before, close).includes('\n') ? '' : '\n';
  return replaceRange(text, before, before, `${comma}\n${indent}${member}${end}`);
}

/** With the comma and the blanks that stood between it and its neighbour. */
function removeMember({ text, members }: JsonObjectText, member: JsonMember): string {
  const at = members.indexOf(member);
  const [previous, next] = [members[at - 1], members[at + 1]];
  if (previous !== undefined) return replaceRange(text, previous.end, member.end, '');
  if (next !== undefined) return replaceRange(text, member.start, next.start, '');
  const blanksBefore = /[ \t\r\n]*$/.exec(text.slice(0, member.start))?.[0].length ?? 0;
  return replaceRange(text, member.start - blanksBefore, member.end, '');
}

function replaceRange(text: string, from: number, to: number, by: string): string {
  return text.slice(0, from) + by + text.slice(to);
}
