/**
 * A request as a plugin gets it: variables of the environment and a configuration on standard input. Checked here once, in
 * the order and the words of Go's plugins, so that what passes is safe in paths and command lines.
 */
import { type Configuration, parseConfiguration } from './configuration.ts';
import { CNI_CODES, CniError } from './error.ts';
import { type CniVersion, isAtLeast, requireVersion } from './version.ts';

export const COMMANDS = ['ADD', 'DEL', 'CHECK', 'STATUS', 'GC'] as const;
export type Command = (typeof COMMANDS)[number];

export type Environment = Readonly<Record<string, string | undefined>>;

export interface CniRequest {
  readonly command: Command;
  /** Empty for STATUS and GC; else letters, digits, `_`, `.` and `-`, the first a letter or digit. */
  readonly containerId: string;
  /** Path of the network namespace; may be empty for DEL. */
  readonly netns: string;
  /** Name of the interface in the container; empty for STATUS and GC. */
  readonly ifname: string;
  /** CNI_ARGS as they are: `A=1;B=2`. */
  readonly args: string;
  /** Folders with plugins. */
  readonly path: readonly string[];
  readonly version: CniVersion;
  readonly config: Configuration;
}

const NEEDED: Readonly<Record<Command, readonly string[]>> = {
  ADD: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  CHECK: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH'],
  STATUS: ['CNI_PATH'],
  GC: ['CNI_PATH'],
};
/** Commands that came later than 0.1.0. */
const SINCE: Readonly<Partial<Record<Command, CniVersion>>> = { CHECK: '0.4.0', STATUS: '1.1.0', GC: '1.1.0' };
/** IFNAMSIZ less the final zero. */
const LONGEST_IFNAME = 15;

/** The command with its variables there; throws CniError 4 that names what is missing or unknown. */
export function requestedCommand(environment: Environment): Command {
  const { CNI_COMMAND = '' } = environment;
  const command = COMMANDS.find((each) => each === CNI_COMMAND);
  if (command === undefined) throw invalid(`unknown CNI_COMMAND: ${CNI_COMMAND}`);
  const missing = NEEDED[command].filter((name) => (environment[name] ?? '') === '');
  if (missing.length > 0) throw invalid(`required env variables [${missing.join(',')}] missing`);
  return command;
}

/** Throws CniError 1, 4, 6 or 7. `input` is standard input. */
export function parseRequest(environment: Environment, input: string): CniRequest {
  const command = requestedCommand(environment);
  const config = parseConfiguration(input);
  const { CNI_CONTAINERID = '', CNI_NETNS = '', CNI_IFNAME = '', CNI_ARGS = '', CNI_PATH = '' } = environment;
  const attached = command === 'ADD' || command === 'DEL' || command === 'CHECK';
  if (attached) {
    checkContainerId(CNI_CONTAINERID);
    checkIfname(CNI_IFNAME);
  }
  const version = requireVersion(config.cniVersion);
  const since = SINCE[command];
  if (since !== undefined && !isAtLeast(version, since)) {
    throw new CniError(
      CNI_CODES.incompatibleVersion,
      `config version does not allow ${command}`,
      `config is "${version}"`,
    );
  }
  return {
    command,
    containerId: attached ? CNI_CONTAINERID : '',
    netns: CNI_NETNS,
    ifname: attached ? CNI_IFNAME : '',
    args: CNI_ARGS,
    path: CNI_PATH.split(':').filter((folder) => folder !== ''),
    version,
    config,
  };
}

/** Throws CniError 4. What passes has no slash and is neither `.` nor `..`, so it can be the name of a file. */
export function checkContainerId(id: string): void {
  if (!/^[a-zA-Z0-9][\w.-]*$/.test(id)) throw invalid('CNI_CONTAINERID: invalid characters in containerID', id);
  // The longest name of a file, with room for what is put behind it.
  if (id.length > 200) throw invalid('CNI_CONTAINERID: containerID is longer than 200 characters', id.slice(0, 80));
}

function checkIfname(name: string): void {
  if (name.length > LONGEST_IFNAME) {
    throw invalid('CNI_IFNAME: interface name is too long', `${name} has more than ${LONGEST_IFNAME} characters`);
  }
  if (name === '.' || name === '..') throw invalid('CNI_IFNAME: interface name is . or ..');
  if (/[/:\s]/.test(name)) throw invalid('CNI_IFNAME: interface name contains / or : or whitespace characters', name);
}

function invalid(message: string, details?: string): CniError {
  return new CniError(CNI_CODES.invalidEnvironment, message, details);
}
