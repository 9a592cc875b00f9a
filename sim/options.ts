/** The command line of the simulation, read once. */
import { parseArgs } from 'node:util';
import { Fault } from '#runtime/fault.ts';

export const HELP = `usage: npm run sim -- [--seed N | --seeds N | --replay FILE] [option …]

Runs a fleet of agents, the real driver, core and store, on a simulated etcd, network and kernel, through a schedule of
faults that the seed decides. Ends with 1 when a promise is broken, and prints the shortest schedule that still breaks it.

  --seed N        this seed (default 1)
  --seeds N       N seeds, one after the other, from --from on
  --from N        the first of them (default 1)
  --hosts N       machines (default: 4 to 12, by the seed)
  --hours N       simulated hours (default: 2 to 6, for every twentieth seed 30 to 60: longer than a lease)
  --events N      faults beside the calms (default 60)
  --only A,B,…    only these events of the schedule, by number
  --replay FILE   a schedule that was saved
  --save FILE     where a minimal schedule is saved (default: sim-SEED.json in the directory for temporary files)
  --no-shrink     prints the violation at once
  --log           every log line of every agent
  -o json         the result as JSON

examples:
  npm run sim -- --seed 42
  npm run sim -- --seed 7 --hosts 1000 --hours 48
  npm run sim -- --seed 42 --only 3,7,9 --log
  npm run sim -- --replay /tmp/sim-42.json
  npm run sim:long -- --from 4001        10,000 seeds; goes on where it was stopped
`;

export interface SimOptions {
  readonly help: boolean;
  readonly seed: number;
  /** How many; 1 unless asked for more. */
  readonly seeds: number;
  readonly hosts: number | undefined;
  readonly hours: number | undefined;
  readonly events: number | undefined;
  readonly only: readonly number[] | undefined;
  readonly replay: string | undefined;
  readonly save: string | undefined;
  readonly shrinks: boolean;
  readonly logs: boolean;
  readonly output: 'table' | 'json';
}

/** Throws Fault `usage.flag`. */
export function parseOptions(argv: readonly string[]): SimOptions {
  const { values } = read(argv);
  const { output } = values;
  if (output !== 'table' && output !== 'json') throw usage(`-o wants table or json, not ${output}`);
  const seed = whole('seed', values.seed);
  const from = whole('from', values.from);
  return {
    help: values.help,
    seed: seed ?? from ?? 1,
    seeds: whole('seeds', values.seeds) ?? 1,
    hosts: whole('hosts', values.hosts),
    hours: whole('hours', values.hours),
    events: whole('events', values.events),
    only: values.only?.split(',').map((text) => whole('only', text) ?? 0),
    replay: values.replay,
    save: values.save,
    shrinks: !values['no-shrink'],
    logs: values.log,
    output,
  };
}

function read(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        seed: { type: 'string' },
        seeds: { type: 'string' },
        from: { type: 'string' },
        hosts: { type: 'string' },
        hours: { type: 'string' },
        events: { type: 'string' },
        only: { type: 'string' },
        replay: { type: 'string' },
        save: { type: 'string' },
        'no-shrink': { type: 'boolean', default: false },
        log: { type: 'boolean', default: false },
        output: { type: 'string', short: 'o', default: 'table' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || (number === 0 && name !== 'only')) {
    throw usage(`--${name} wants a whole number from ${name === 'only' ? 0 : 1}, not ${text}`);
  }
  return number;
}

function usage(what: string): Fault {
  return new Fault('usage.flag', { what, remedy: 'npm run sim -- --help' });
}
