/** What the commands of `weft certs` have in common. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { lifeProblem, parseDays } from '#certs/cfssl/duration.ts';
import type { CommonOptions } from '#cli/command.ts';
import { type OutputOptions, outputOption } from '#cli/output.ts';
import type { KeyType } from '#pki/key-pair.ts';

export interface CertsOptions extends CommonOptions, OutputOptions {
  readonly dir: string;
}

const KEY_TYPES: readonly KeyType[] = ['rsa2048', 'rsa3072', 'rsa4096', 'p256', 'p384', 'p521'];

export function addCertsOptions(command: Command): Command {
  return command.option('--dir <folder>', 'where the certificates are', '.').addOption(outputOption());
}

export function keyOption(): Option {
  const text = 'kind of key, instead of what the input says (without an input: rsa2048)';
  return new Option('--key <kind>', text).choices(KEY_TYPES);
}

/** `30d`, `36h` as milliseconds. */
export function parseTime(text: string): number {
  const lengthMs = parseDays(text);
  if (lengthMs === undefined) throw new InvalidArgumentError('It is no length of time, such as 30d or 36h.');
  return lengthMs;
}

/** A length of time that a certificate can have. */
export function parseLife(text: string): number {
  const lifeMs = parseTime(text);
  const problem = lifeProblem(lifeMs);
  if (problem !== undefined) throw new InvalidArgumentError(`It ${problem}.`);
  return lifeMs;
}

/** 30 days, unless told otherwise. */
export function timeOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser(parseTime).default(parseTime('30d'), '30d');
}

/** `a,b` as a list; blanks around each do not count. */
export function parseList(text: string): readonly string[] {
  return text.split(',').map((word) => word.trim());
}
