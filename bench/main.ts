/** `npm run bench`: measures all figures, or those named, and prints each with the yardstick of the same minute. */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { parseArgs } from 'node:util';
import { Fault } from '#runtime/fault.ts';
import { VERSION } from '#runtime/version.ts';
import { burst } from './burst.ts';
import { cni } from './cni.ts';
import { data } from './data.ts';
import type { Bench, Figure, FigureResult } from './harness/figure.ts';
import { buildBundle, installProgram } from './harness/program.ts';
import { figureText, type MeasuredFigure, reportJson } from './harness/report.ts';
import { furnishSandbox, isInSandbox, runInSandbox } from './harness/sandbox.ts';
import { startStore } from './harness/store.ts';
import { heal } from './heal.ts';
import { idle } from './idle.ts';
import { memory } from './memory.ts';
import { netlink } from './netlink.ts';
import { outage } from './outage.ts';
import { peers } from './peers.ts';
import { reaction } from './reaction.ts';
import { startReady } from './start-ready.ts';
import { thundering } from './thundering.ts';
import { udp } from './udp.ts';

const FIGURES: readonly Figure[] = [
  startReady,
  memory,
  peers,
  reaction,
  burst,
  thundering,
  idle,
  heal,
  netlink,
  udp,
  data,
  outage,
  cni,
];
const RUNS = 5;
const QUICK_RUNS = 2;

const HELP = `usage: npm run bench -- [FIGURE …] [--runs N] [--quick] [--json FILE] [--bundle FILE] [--node-flag FLAG …]

  --runs N          runs of each figure (default ${RUNS}); the table shows medians
  --quick           ${QUICK_RUNS} runs and shorter waits: to see that all works, not to be quoted
  --json FILE       also writes everything measured to FILE
  --bundle FILE     measures this build (…/weft.js) instead of building the sources
  --node-flag FLAG  a flag for the agents' Node, on top of the launcher's; such as --node-flag=--cpu-prof-dir=/tmp/x

figures: ${FIGURES.map(({ name }) => name).join(', ')}
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    bundle: { type: 'string' },
    'node-flag': { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const chosen = choose(positionals);
  const runs = values.runs === undefined ? (values.quick ? QUICK_RUNS : RUNS) : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) {
    throw new Fault('usage.flag', { what: `--runs wants a whole number from 1, not ${values.runs}` });
  }
  if (!isInSandbox()) {
    const bundle = values.bundle ?? buildBundle();
    return runInSandbox([...process.argv.slice(1), `--bundle=${bundle}`]);
  }
  return (await measureAll(chosen, runs)) ? 0 : 1;
}

function choose(names: readonly string[]): readonly Figure[] {
  const unknown = names.find((name) => FIGURES.every((figure) => figure.name !== name));
  if (unknown !== undefined) {
    const known = FIGURES.map(({ name }) => name).join(', ');
    throw new Fault('usage.flag', { what: `there is no figure ${unknown}`, remedy: `figures: ${known}` });
  }
  return names.length === 0 ? FIGURES : FIGURES.filter(({ name }) => names.includes(name));
}

/** Whether all could be measured; a figure that fails does not keep the others from being. */
async function measureAll(figures: readonly Figure[], runs: number): Promise<boolean> {
  if (values.bundle === undefined) throw new Error('the bundle is built before the sandbox is entered');
  await furnishSandbox();
  const program = installProgram(values.bundle, values['node-flag']);
  const load = loadavg()[0];
  const store = await startStore();
  const bench: Bench = { runs, quick: values.quick, program, store, progress };
  const header = {
    version: VERSION,
    kernel: release(),
    node: process.version,
    cores: cpus().length,
    processor: cpus()[0]?.model,
    startedAt: new Date().toISOString(),
    loadAtStart: load,
    runs,
    quick: values.quick,
    agent: program.argv,
  };
  process.stdout.write(
    `weft ${VERSION}, Linux ${header.kernel}, ${header.cores} cores, load ${load?.toFixed(2)}; medians of ${runs} runs\n`,
  );
  const colours = process.stdout.isTTY ?? false;
  const measured: MeasuredFigure[] = [];
  let failed = false;
  for (const figure of figures) {
    progress(figure.title);
    const begunMs = performance.now();
    let result: FigureResult;
    try {
      result = await figure.measure(bench);
    } catch (error) {
      failed = true;
      process.stderr.write(`${figure.name} could not be measured: ${error}\n`);
      continue;
    }
    const seconds = (performance.now() - begunMs) / 1000;
    const complete = { name: figure.name, title: figure.title, seconds, load: loadavg()[0] ?? 0, ...result };
    measured.push(complete);
    process.stdout.write(`\n${figureText(complete, colours)}`);
    if (values.json !== undefined) writeFileSync(values.json, reportJson(header, measured));
  }
  return !failed;
}

function progress(text: string): void {
  process.stderr.write(`… ${text}\n`);
}

try {
  // The sandbox, with all processes in it, ends with this process.
  process.exit(await main());
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  process.stderr.write(`${error}\n`);
  process.exit(error.exitCode);
}
