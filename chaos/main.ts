/** `npm run chaos`: real faults at random in a lab, and what the traffic noticed of them. */
import { randomInt } from 'node:crypto';
import { loadavg } from 'node:os';
import { Fault } from '#runtime/fault.ts';
import { keepLogs, withChaosLab } from './lab.ts';
import { type ChaosCommand, chaosHelp, parseChaosCommand } from './options.ts';
import { chaosJson, chaosTable, eventLine, thresholdText, violationLines } from './report.ts';
import { runChaos } from './run.ts';
import { type Step, schedule } from './schedule.ts';

const MOST_SEED = 1_000_000;
const MINUTE_MS = 60_000;

async function main(argv: readonly string[]): Promise<number> {
  const command = parseChaosCommand(argv);
  if (command.help) {
    process.stdout.write(chaosHelp());
    return 0;
  }
  if (process.geteuid?.() !== 0) {
    throw new Fault('usage.not-root', { what: 'a lab is made of network namespaces, which only root may make' });
  }
  const interrupt = new AbortController();
  // Whatever ends us, the lab goes first.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt.abort());
  try {
    return await chaos(command, interrupt.signal);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    note('interrupted: the lab is removed');
    return 130;
  }
}

async function chaos(command: ChaosCommand, signal: AbortSignal): Promise<number> {
  const seed = command.seed ?? randomInt(MOST_SEED);
  const { hosts, faults, minutes } = command;
  note(
    `seed ${seed}, ${hosts} hosts, ${faults.length} kinds of fault, ${minutes === undefined ? 'once' : `${minutes} min`}`,
  );
  const result = await withChaosLab({ hosts, signal, progress: note }, async (lab) => {
    let isBroken = false;
    try {
      const found = await runChaos(limited(schedule(faults, seed), command), {
        lab,
        signal,
        brief: false,
        onCalm: (threshold) => note(thresholdText(threshold)),
        onEvent: (event) => note(eventLine(event)),
      });
      isBroken = violationLines(found.events).length > 0;
      return found;
    } catch (error) {
      isBroken = !signal.aborted;
      throw error;
    } finally {
      if (isBroken) note(`a promise was broken; the logs of agents and etcd are in ${keepLogs(lab)}`);
    }
  });
  const flows = hosts * (hosts - 1);
  const violations = violationLines(result.events);
  if (command.json) process.stdout.write(chaosJson({ seed, hosts, flows, load: loadavg()[0] }, result));
  else {
    const verdict =
      violations.length === 0 ? 'every promise was kept' : `broken promises:\n  ${violations.join('\n  ')}`;
    process.stdout.write(
      `\nseed ${seed}, ${hosts} hosts, ${flows} flows, ${result.events.length} faults, load ${loadavg()[0]?.toFixed(1)}\n` +
        `${thresholdText(result.threshold)}\n\n${chaosTable(result, flows, process.stdout.isTTY ?? false)}\n${verdict}\n`,
    );
  }
  if (signal.aborted) return 130;
  return violations.length === 0 ? 0 : 1;
}

/** The steps until the time is over, or one round of them. */
function* limited<Kind>(steps: Iterable<Step<Kind>>, { faults, minutes }: ChaosCommand): Generator<Step<Kind>> {
  const endMs = performance.now() + (minutes ?? Number.POSITIVE_INFINITY) * MINUTE_MS;
  for (const step of steps) {
    if (performance.now() >= endMs || (minutes === undefined && step.number > faults.length)) return;
    yield step;
  }
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  note(String(error));
  process.exitCode = error.exitCode;
}
