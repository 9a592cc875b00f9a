/** A network document as the network and the backend that it describes, or what is wrong with it. Pure. */
import type { Backend } from '#agent/backends/backend.ts';
import { openBackend } from '#agent/backends/registry.ts';
import { formatConfigProblem, type NetworkConfig, parseNetworkConfig } from '#model/network-config.ts';
import { Fault } from '#runtime/fault.ts';

export function readDocument(text: string): { readonly config: NetworkConfig; readonly backend: Backend } | Fault {
  const parsed = parseNetworkConfig(text);
  if ('problems' in parsed) return invalidDocument(parsed.problems.map(formatConfigProblem));
  const opened = openBackend(parsed.config);
  if ('problems' in opened) return invalidDocument(opened.problems.map(formatConfigProblem));
  return { config: parsed.config, backend: opened.backend };
}

function invalidDocument(problems: readonly string[]): Fault {
  return new Fault('network.invalid', { what: 'the network configuration is not valid', why: problems.join('; ') });
}
