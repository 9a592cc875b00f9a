/** Two hundred small fleets under their schedules of faults: one process for each processor. A failing seed says how it is replayed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const SEEDS = 200;
const MAIN = join(import.meta.dirname, '../../sim/main.ts');

function runSeeds(from: number, count: number): Promise<string> {
  const argv = [MAIN, '--from', String(from), '--seeds', String(count)];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, argv, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${stdout}${stderr}`));
    });
  });
}

test(`no promise is broken by ${SEEDS} seeds`, async () => {
  const processes = Math.max(1, Math.min(4, availableParallelism()));
  const share = Math.ceil(SEEDS / processes);
  const begins = Array.from({ length: processes }, (_, index) => 1 + index * share);
  const said = await Promise.all(begins.map((from) => runSeeds(from, Math.min(share, SEEDS - from + 1))));
  for (const text of said) assert.match(text, /no promise was broken/);
});

test('a schedule that was saved is run again, and a file that is none is refused', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-sim-'));
  try {
    await assert.rejects(
      new Promise((resolve, reject) => {
        const argv = [MAIN, '--replay', join(directory, 'absent.json')];
        execFile(process.execPath, argv, (error, _, stderr) =>
          error === null ? resolve(0) : reject(new Error(stderr)),
        );
      }),
      /the schedule cannot be read/,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});
