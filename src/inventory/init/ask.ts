/** Asks for what the flags did not say. */

import { BACKEND_TYPES } from '#inventory/document/network.ts';
import { PRESETS, type Preset } from '#inventory/document/paths.ts';
import { parseCidr } from '#model/ip.ts';
import { DEFAULTS, type InitHost, type InitRequest, parseHosts } from './request.ts';

/** Flags as far as they were given. */
export type PartialRequest = { readonly [Key in keyof InitRequest]?: InitRequest[Key] | undefined };

export interface Asker {
  /** The answer; undefined when nobody is there. */
  readonly ask: (question: string) => Promise<string | undefined>;
  readonly tell: (text: string) => void;
}

/** A value, or why it is none. */
type Answer<T> = { readonly value: T } | { readonly problem: string };

const MOST_TRIES = 5;

/** The whole request; undefined when nobody answers, or never rightly. */
export async function askForRequest(given: PartialRequest, asker: Asker): Promise<InitRequest | undefined> {
  const hosts =
    given.hosts ?? (await askFor(asker, 'Hosts, as ADDRESS or NAME=ADDRESS, joined by commas: ', readHosts));
  if (hosts === undefined) return undefined;
  const network = given.network ?? (await askFor(asker, `Network of the Pods [${DEFAULTS.network}]: `, readNetwork));
  if (network === undefined) return undefined;
  const backend = given.backend ?? (await askFor(asker, `Backend [${DEFAULTS.backend}]: `, readBackend));
  if (backend === undefined) return undefined;
  const preset =
    given.preset ?? (await askFor(asker, `Paths: ${PRESETS.join(', ')} [${DEFAULTS.preset}]: `, readPreset));
  if (preset === undefined) return undefined;
  const { user = DEFAULTS.user, vip } = given;
  return { hosts, network, backend, preset, user, ...(vip !== undefined && { vip }) };
}

async function askFor<T>(asker: Asker, question: string, read: (text: string) => Answer<T>): Promise<T | undefined> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const text = await asker.ask(question);
    if (text === undefined) return undefined;
    const answer = read(text.trim());
    if ('value' in answer) return answer.value;
    asker.tell(`${answer.problem}\n`);
  }
  return undefined;
}

function readHosts(text: string): Answer<readonly InitHost[]> {
  const parsed = parseHosts(text);
  return 'hosts' in parsed ? { value: parsed.hosts } : parsed;
}

function readNetwork(text: string): Answer<string> {
  const value = text === '' ? DEFAULTS.network : text;
  return parseCidr(value) === undefined ? { problem: `${value} is not a network like ${DEFAULTS.network}` } : { value };
}

function readBackend(text: string): Answer<string> {
  const value = text === '' ? DEFAULTS.backend : text;
  return BACKEND_TYPES.some((type) => type === value)
    ? { value }
    : { problem: `use one of ${BACKEND_TYPES.join(', ')}` };
}

function readPreset(text: string): Answer<Preset> {
  const value = PRESETS.find((preset) => preset === (text === '' ? DEFAULTS.preset : text));
  return value === undefined ? { problem: `use one of ${PRESETS.join(', ')}` } : { value };
}
