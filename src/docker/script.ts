/**
 * The face of the program when it is started as mk-docker-opts.sh: options as a shell's getopts takes them, nothing printed
 * on success, and exit code 1 for everything else, wrong usage and -h included (spec §4.2).
 */
import { Fault } from '#runtime/fault.ts';
import type { Environment } from './docker-options.ts';
import {
  DEFAULT_REQUEST,
  type DockerOptionsRequest,
  type ListRoutes,
  makeDockerOptions,
} from './make-docker-options.ts';

const USAGE = `Usage: mk-docker-opts.sh [-f SUBNET-FILE] [-d DOCKER-FILE] [-i] [-c] [-m] [-k KEY]

Writes the options by which docker takes over the subnet of this host.

  -f FILE  subnet file of the agent (default ${DEFAULT_REQUEST.subnetFile})
  -d FILE  file to write (default ${DEFAULT_REQUEST.optionsFile})
  -i       write a variable for each option, such as DOCKER_OPT_MTU
  -c       write one variable that holds all options; without -i and -c: both
  -k KEY   name of that variable (default ${DEFAULT_REQUEST.key})
  -m       leave out --ip-masq, which an old docker does not know
`;

export interface ScriptHost {
  readonly environment: Environment;
  readonly writeError: (text: string) => void;
  readonly listRoutes: ListRoutes;
}

/** Runs one command line (without the program's name); the number is the exit code. */
export async function runDockerOptionsScript(argv: readonly string[], host: ScriptHost): Promise<0 | 1> {
  const request = parseOptions(argv);
  if (typeof request === 'string') {
    host.writeError(`${request}${USAGE}`);
    return 1;
  }
  try {
    await makeDockerOptions(request, host.environment, host.listRoutes);
    return 0;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    // The script's own messages stand at the beginning of the line.
    host.writeError(`${error.toString().replace(/^error: /, '')}\n`);
    return 1;
  }
}

/** POSIX getopts: letters may be joined, a value may follow at once, the first other word ends it. A string is a complaint. */
function parseOptions(argv: readonly string[]): DockerOptionsRequest | string {
  let request = DEFAULT_REQUEST;
  const words = [...argv];
  for (let word = words.shift(); word !== undefined && /^-./.test(word) && word !== '--'; word = words.shift()) {
    for (let letters = word.slice(1); letters !== ''; ) {
      const letter = letters[0] ?? '';
      letters = letters.slice(1);
      if ('icm'.includes(letter)) request = { ...request, ...switchOn(letter) };
      else if ('fdk'.includes(letter)) {
        const value = letters === '' ? words.shift() : letters;
        letters = '';
        if (value === undefined) return `no value for option -${letter}\n`;
        request = { ...request, ...setValue(letter, value) };
      } else return letter === 'h' || letter === '?' ? '' : `unknown option -${letter}\n`;
    }
  }
  return request;
}

function switchOn(letter: string): Partial<DockerOptionsRequest> {
  if (letter === 'i') return { individual: true };
  return letter === 'c' ? { combined: true } : { masquerade: false };
}

function setValue(letter: string, value: string): Partial<DockerOptionsRequest> {
  if (letter === 'f') return { subnetFile: value };
  return letter === 'd' ? { optionsFile: value } : { key: value };
}
