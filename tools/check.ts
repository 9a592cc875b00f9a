/** npm run check: format and lint, types, the dependency table, the native part without a warning. All of it, then the verdict. */
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = (name: string): string => join(root, 'node_modules/.bin', name);
delete process.env['NODE_EXTRA_CA_CERTS'];

interface Check {
  readonly name: string;
  readonly argv: readonly string[];
}

const scratch = mkdtempSync(join(tmpdir(), 'weft-check-'));
const checks: readonly Check[] = [
  { name: 'format and lint', argv: [bin('biome'), 'check', '--error-on-warnings', '--max-diagnostics=50', '.'] },
  { name: 'types', argv: [bin('tsc'), '--pretty', 'false'] },
  { name: 'dependency table', argv: [process.execPath, '--test', '--test-reporter=dot', 'test/architecture.test.ts'] },
  ...globSync('native/*.c', { cwd: root, exclude: ['native/*.bpf.c'] }).map((file) => ({
    name: `${file} without warnings`,
    argv: compile(file),
  })),
];
const startedMs = performance.now();
const results = await Promise.all(checks.map(runCheck));
rmSync(scratch, { recursive: true });
console.log(`${results.filter((good) => good).length} of ${results.length} checks are clean, ${elapsed(startedMs)}`);
process.exitCode = results.every((good) => good) ? 0 : 1;

function compile(file: string): readonly string[] {
  const headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include');
  const warnings = ['-Wall', '-Wextra', '-Werror'];
  const output = join(scratch, `${file.replaceAll('/', '-')}.o`);
  return ['gcc', '-std=gnu11', '-O2', '-fPIC', '-c', ...warnings, '-isystem', headers, '-o', output, join(root, file)];
}

/** Prints the name and the time, and what it said if it failed. */
function runCheck({ name, argv }: Check): Promise<boolean> {
  const checkStartedMs = performance.now();
  const [program = '', ...parameters] = argv;
  return new Promise((resolve) => {
    const child = spawn(program, parameters, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', (error) => {
      output += error.message;
    });
    child.on('close', (code) => {
      console.log(`${code === 0 ? '✔' : '✘'} ${name} (${elapsed(checkStartedMs)})`);
      if (code !== 0) console.log(output.trimEnd().replaceAll(/^/gm, '    '));
      resolve(code === 0);
    });
  });
}

function elapsed(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
