/**
 * Options of the extension backend in the network document (spec §5.7): PreStartupCommand, PostStartupCommand,
 * SubnetAddCommand, SubnetRemoveCommand. Who may write the document may run programs as root on every host: that is what this
 * backend is.
 */
import { memberOf } from '#model/json-document.ts';
import type { ConfigProblem, NetworkConfig } from '#model/network-config.ts';

/** Commands as written; undefined where there is none. */
export interface ExtensionOptions {
  readonly preStartup: string | undefined;
  readonly postStartup: string | undefined;
  readonly subnetAdd: string | undefined;
  readonly subnetRemove: string | undefined;
}

const LONGEST_COMMAND = 4_096;

export function parseExtensionOptions(
  config: NetworkConfig,
): { readonly options: ExtensionOptions } | { readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const command = (name: string): string | undefined => {
    const value = memberOf(config.backend.options, name.toLowerCase()) ?? '';
    const report = (text: string, reason: string): void => {
      problems.push({ field: `Backend.${name}`, value: text, reason });
    };
    if (typeof value !== 'string') report(JSON.stringify(value).slice(0, 60), 'must be a string');
    else if (value.length > LONGEST_COMMAND) report('', `must not be longer than ${LONGEST_COMMAND} characters`);
    else if (value.includes('\0')) report('', 'must not hold a NUL character');
    else if (value.trim() !== '') return value;
    return undefined;
  };
  const options = {
    preStartup: command('PreStartupCommand'),
    postStartup: command('PostStartupCommand'),
    subnetAdd: command('SubnetAddCommand'),
    subnetRemove: command('SubnetRemoveCommand'),
  };
  return problems.length > 0 ? { problems } : { options };
}
