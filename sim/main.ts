/** `npm run sim`: one seed or many, a schedule from a file; a failing one is cut down, saved, and told how to replay. */
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '#runtime/fault.ts';
import { generate } from './generate.ts';
import { HELP, parseOptions, type SimOptions } from './options.ts';
import { outcomeJson, outcomeTable, violationText } from './report.ts';
import type { Schedule } from './schedule.ts';
import { shrink } from './shrink.ts';
import { type Outcome, simulate } from './simulate.ts';

const PROGRESS_EVERY_MS = 5000;

async function main(options: SimOptions): Promise<number> {
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const begunMs = performance.now();
  let toldMs = begunMs;
  let outcome: Outcome | undefined;
  for (let at = 0; at < options.seeds; at += 1) {
    const schedule = scheduleOf(options, options.seed + at);
    outcome = await simulate(schedule, options.logs ? { log: printLog } : {});
    if (outcome.violation !== undefined) return fail(options, schedule, outcome);
    if (options.seeds > 1 && performance.now() - toldMs > PROGRESS_EVERY_MS) {
      toldMs = performance.now();
      const rate = ((at + 1) / (toldMs - begunMs)) * 1000;
      process.stderr.write(
        `${at + 1} of ${options.seeds} seeds good, ${rate.toFixed(1)} a second, last ${schedule.seed}\n`,
      );
    }
  }
  if (outcome === undefined) return 0;
  const seconds = (performance.now() - begunMs) / 1000;
  if (options.output === 'json') process.stdout.write(outcomeJson(outcome, seconds));
  else if (options.seeds === 1) process.stdout.write(outcomeTable(outcome, seconds));
  else
    process.stdout.write(
      `${options.seeds} seeds from ${options.seed} on: no promise was broken, ${seconds.toFixed(1)} s\n`,
    );
  return 0;
}

function scheduleOf(options: SimOptions, seed: number): Schedule {
  const { hosts, hours, events, only, replay } = options;
  const whole =
    replay === undefined
      ? generate({
          seed,
          ...(hosts === undefined ? {} : { hosts }),
          ...(hours === undefined ? {} : { hours }),
          ...(events === undefined ? {} : { events }),
        })
      : readSchedule(replay);
  return only === undefined ? whole : { ...whole, events: whole.events.filter((_, index) => only.includes(index)) };
}

/** Schedules are written by this program; one that is not of its making fails where it is used. */
function readSchedule(path: string): Schedule {
  let value: Schedule;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Fault('usage.flag', { what: 'the schedule cannot be read', where: path, why: String(error) });
  }
  if (!Array.isArray(value?.events) || !Number.isInteger(value.hosts)) {
    throw new Fault('usage.flag', { what: 'the file holds no schedule', where: path });
  }
  return value;
}

async function fail(options: SimOptions, schedule: Schedule, { violation }: Outcome): Promise<number> {
  if (violation === undefined) return 0;
  let smallest = schedule;
  let shown = violation;
  if (options.shrinks) {
    process.stderr.write(
      `seed ${schedule.seed}: "${violation.invariant}" is broken; looking for the shortest schedule …\n`,
    );
    const fails = async (candidate: Schedule): Promise<boolean> =>
      (await simulate(candidate)).violation?.invariant === violation.invariant;
    smallest = (await shrink(schedule, fails)).schedule;
    shown = (await simulate(smallest)).violation ?? violation;
  }
  const path = options.save ?? join(tmpdir(), `sim-${schedule.seed}.json`);
  writeFileSync(path, `${JSON.stringify(smallest, null, 1)}\n`);
  const text = violationText(shown, smallest, `npm run sim -- --replay ${path} --log`);
  if (options.output === 'json')
    process.stdout.write(`${JSON.stringify({ violation: shown, schedule: smallest, path })}\n`);
  else process.stdout.write(text);
  return 1;
}

function printLog(at: number, host: { readonly name: string }, line: string): void {
  process.stdout.write(`${(at / 1000).toFixed(3)} ${host.name}: ${line}\n`);
}

try {
  process.exitCode = await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  process.stderr.write(`${error}\n`);
  process.exitCode = error.exitCode;
}
