/** The command line of `npm run chaos`. Pure. */
import { parseArgs } from 'node:util';
import { FEWEST_HOSTS } from '#lab/plan.ts';
import { Fault } from '#runtime/fault.ts';
import { CATALOGUE, chooseFaults } from './faults/catalogue.ts';
import type { ChaosFault } from './faults/fault.ts';

const DEFAULT_MINUTES = 5;
const DEFAULT_HOSTS = 4;
/** More make so much traffic that a small machine is busy with that alone. */
const MOST_HOSTS = 12;

export interface ChaosCommand {
  readonly help: boolean;
  /** Undefined: chosen by chance, and printed. */
  readonly seed: number | undefined;
  /** Undefined: one round of every fault. */
  readonly minutes: number | undefined;
  readonly hosts: number;
  readonly faults: readonly ChaosFault[];
  readonly json: boolean;
}

/** Fault `usage.flag` with all that is wrong. */
export function parseChaosCommand(argv: readonly string[]): ChaosCommand {
  const { values } = parse(argv);
  const problems: string[] = [];
  const number = (name: string, text: string | undefined, isFine: (value: number) => boolean): number | undefined => {
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text.trim() !== '' && isFine(value)) return value;
    problems.push(`--${name} ${JSON.stringify(text)} is not ${RANGES[name]}`);
    return undefined;
  };
  const seed = number('seed', values.seed, (value) => Number.isSafeInteger(value) && value >= 0);
  const minutes = number('minutes', values.minutes, (value) => value > 0 && Number.isFinite(value));
  const hosts = number('hosts', values.hosts, (value) => {
    return Number.isInteger(value) && value >= FEWEST_HOSTS && value <= MOST_HOSTS;
  });
  if (values.output !== undefined && values.output !== 'json' && values.output !== 'table') {
    problems.push(`--output ${JSON.stringify(values.output)} is neither table nor json`);
  }
  if (problems.length > 0) throw new Fault('usage.flag', { what: problems.join('; ') });
  return {
    help: values.help,
    seed,
    minutes: values.once ? undefined : (minutes ?? DEFAULT_MINUTES),
    hosts: hosts ?? DEFAULT_HOSTS,
    faults: chooseFaults((values.faults ?? '').split(',').filter((name) => name !== '')),
    json: values.output === 'json',
  };
}

const RANGES: Readonly<Record<string, string>> = {
  seed: 'a whole number from 0',
  minutes: 'a number above 0',
  hosts: `a number from ${FEWEST_HOSTS} to ${MOST_HOSTS}`,
};

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        seed: { type: 'string' },
        minutes: { type: 'string' },
        once: { type: 'boolean', default: false },
        hosts: { type: 'string' },
        faults: { type: 'string' },
        output: { type: 'string', short: 'o' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (cause) {
    throw new Fault('usage.flag', { what: cause instanceof Error ? cause.message : String(cause), cause });
  }
}

export function chaosHelp(): string {
  const width = Math.max(...CATALOGUE.map(({ name }) => name.length));
  const lines = CATALOGUE.map(({ name, kind, summary }) => {
    return `  ${name.padEnd(width)}  ${kind.padEnd('control'.length)}  ${summary}`;
  });
  return `usage: npm run chaos -- [--seed N] [--minutes N | --once] [--hosts N] [--faults A,B] [-o table|json]

Makes a lab with real etcd, lets every Pod send to every other every 10 ms, breaks one thing after another, and says which
flows were disturbed, for how long, and when they were whole again. The lab is removed at the end. Exit code 1: a promise was broken.

  --seed N       the same seed breaks the same things in the same order (default: by chance, and printed)
  --minutes N    how long, after which the round is not begun again (default ${DEFAULT_MINUTES})
  --once         one round: every fault once
  --hosts N      ${FEWEST_HOSTS} to ${MOST_HOSTS} (default ${DEFAULT_HOSTS})
  --faults A,B   these only
  -o json        everything measured, on standard output (npm run -s chaos, or npm adds lines of its own)

What is promised: a fault that touches control only disturbs no flow. After one that touches data, flows and kernel of that host
are whole again within a second, and no other flow notices. A cable may take two seconds from when it is in again, since the
kernel asks for the addresses of its neighbours once a second. Whatever it was, at the end every kernel and every record in etcd is as before.

faults:
${lines.join('\n')}
`;
}
