/** Runs the firewall programs of the host: iptables, ip6tables and nft. Commands are data, no shell reads them. */
import type { Command, CommandOutput } from '#runtime/command.ts';
import { formatArgv } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';

/** Runs a command to its end; `runCommand`, or one that enters a namespace first. */
export type Run = (command: Command) => Promise<CommandOutput>;

const TIMEOUT_MS = 20_000;
/** Exit code of a launcher (nsenter, env) that did not find the program. */
const NOT_FOUND = 127;

/** Undefined when the program is not installed. */
export async function runTool(
  run: Run,
  argv: readonly string[],
  why: string,
  stdin = '',
): Promise<CommandOutput | undefined> {
  try {
    // Messages of the programs are compared, so they come untranslated.
    const output = await run({ argv, stdin, why, timeoutMs: TIMEOUT_MS, environment: { LC_ALL: 'C' } });
    return output.code === NOT_FOUND ? undefined : output;
  } catch (error) {
    if (error instanceof Fault && isMissing(error.cause)) return undefined;
    throw error;
  }
}

/** Fault `firewall.missing` for a program, with the package that has it. */
export function missingTool(program: string): Fault {
  const nft = program === 'nft';
  const other = nft
    ? 'leave EnableNFTables out of the network configuration'
    : 'set "EnableNFTables": true in the network configuration';
  return new Fault('firewall.missing', {
    what: `${program} is not installed or not on PATH`,
    why: 'Pods reach each other without it; traffic that leaves the fabric is not masqueraded, and a FORWARD policy of DROP is not lifted',
    remedy: `install the package ${nft ? 'nftables' : 'iptables'}, or ${other}, or turn off -ip-masq and --iptables-forward-rules`,
  });
}

/** Fault `firewall.refused`: the program said no. */
export function refusedByTool(argv: readonly string[], output: CommandOutput, what: string): Fault {
  const words = (output.stderr.trim() || output.stdout.trim() || 'it printed nothing').slice(-600);
  const permission = /permission denied|not permitted|must be root/i.test(words);
  return new Fault('firewall.refused', {
    what,
    where: formatArgv(argv),
    why: `exit code ${output.code}: ${words.replaceAll(/\s*\n\s*/g, ' / ')}`,
    ...(permission ? { remedy: 'run it as root, or give it CAP_NET_ADMIN' } : {}),
  });
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}
