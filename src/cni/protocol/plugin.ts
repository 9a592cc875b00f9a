/**
 * The frame of every plugin of ours: reads the request, calls what the plugin does for it, prints the answer and gives the
 * exit code. Nothing here knows a plugin; `stdio.ts` gives it a process, tests give it values.
 */
import { configuredVersion } from './configuration.ts';
import { CNI_CODES, CniError, encodeError, errorText } from './error.ts';
import { type CniRequest, type Environment, parseRequest, requestedCommand } from './request.ts';
import { asCniVersion, CNI_VERSIONS, LATEST_VERSION, versionAnswer } from './version.ts';

export interface Plugin {
  /** One line, for somebody who starts it by hand. */
  readonly about: string;
  /** Returns the result as it is to be printed. */
  add(request: CniRequest): Promise<string>;
  del(request: CniRequest): Promise<void>;
  check(request: CniRequest): Promise<void>;
  status(request: CniRequest): Promise<void>;
  gc(request: CniRequest): Promise<void>;
}

export interface PluginProcess {
  readonly environment: Environment;
  /** All of standard input; throws CniError 5. */
  readonly readInput: () => string;
  /** Standard output: the answer, and nothing else. */
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

/** Serves one request; the number is the exit code. What is thrown and is no CniError is reported with code 999. */
export async function runPlugin(plugin: Plugin, host: PluginProcess): Promise<0 | 1> {
  const { CNI_COMMAND: command = '' } = host.environment;
  if (command === '') {
    host.writeError(`${plugin.about}\nCNI protocol versions supported: ${CNI_VERSIONS.join(', ')}\n`);
    return 0;
  }
  if (command === 'VERSION') {
    host.write(versionAnswer());
    return 0;
  }
  let input = '';
  try {
    requestedCommand(host.environment);
    input = host.readInput();
    const answer = await serve(plugin, parseRequest(host.environment, input));
    if (answer !== undefined) host.write(answer);
    return 0;
  } catch (error) {
    const known = error instanceof CniError ? error : new CniError(CNI_CODES.internal, errorText(error));
    host.write(encodeError(known, asCniVersion(configuredVersion(input)) ?? LATEST_VERSION));
    return 1;
  }
}

async function serve(plugin: Plugin, request: CniRequest): Promise<string | undefined> {
  switch (request.command) {
    case 'ADD':
      return plugin.add(request);
    case 'DEL':
      await plugin.del(request);
      return undefined;
    case 'CHECK':
      await plugin.check(request);
      return undefined;
    case 'STATUS':
      await plugin.status(request);
      return undefined;
    case 'GC':
      await plugin.gc(request);
      return undefined;
  }
}
