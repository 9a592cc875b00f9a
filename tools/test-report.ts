/** Counts what node:test reports of one group, and shows it while it happens: dots, or a line per test. */
import { relative } from 'node:path';
import type { run } from 'node:test';
import { inspect, stripVTControlCharacters } from 'node:util';

/** The events of node:test that a report needs, as `run()` emits them. */
export type TestStream = ReturnType<typeof run>;

export interface Failure {
  readonly file: string;
  readonly name: string;
  readonly text: string;
}

export interface GroupResult {
  passed: number;
  skipped: number;
  failures: Failure[];
}

/** Adds the counts and failures of `part` to `sum`. */
export function addTo(sum: GroupResult, part: GroupResult): void {
  sum.passed += part.passed;
  sum.skipped += part.skipped;
  sum.failures.push(...part.failures);
}

interface TestEvent {
  readonly name: string;
  readonly file?: string | undefined;
  readonly skip?: string | boolean | undefined;
  readonly todo?: string | boolean | undefined;
  readonly details: {
    readonly duration_ms: number;
    readonly type?: string | undefined;
    readonly error?: (Error & { readonly failureType?: string | undefined }) | undefined;
  };
}

/**
 * Reads the stream to its end. Suites are not counted, their tests are. A file without a test counts as a failure: it
 * was written to test something.
 */
export async function reportGroup(
  stream: TestStream,
  root: string,
  lines: boolean,
  write: (text: string) => void,
): Promise<GroupResult> {
  const failures: Failure[] = [];
  const output = new Map<string, string>();
  const filesWithTests = new Set<string>();
  let passed = 0;
  let skipped = 0;
  const isFile = (event: TestEvent): boolean =>
    event.file !== undefined && (event.name === event.file || event.name === relative(root, event.file));
  const show = (mark: string, event: TestEvent): void =>
    write(lines ? `  ${mark} ${event.name} (${Math.round(event.details.duration_ms)} ms)\n` : mark);
  const failed = (event: TestEvent, text: string): void => {
    failures.push({
      file: relative(root, event.file ?? ''),
      name: isFile(event) ? 'the file as a whole' : event.name,
      text,
    });
    show(lines ? '✘' : 'X', event);
  };
  stream.on('test:pass', (event: TestEvent) => {
    if (isFile(event)) {
      if (!filesWithTests.has(event.file ?? '')) failed(event, 'the file has no tests');
      return;
    }
    filesWithTests.add(event.file ?? '');
    if (event.details.type === 'suite') return;
    if (event.skip !== undefined && event.skip !== false) skipped += 1;
    else if (event.todo !== undefined && event.todo !== false) skipped += 1;
    else passed += 1;
    show(lines ? '✔' : '.', event);
  });
  stream.on('test:fail', (event: TestEvent) => {
    filesWithTests.add(event.file ?? '');
    // A suite that fails because a test in it failed has nothing to add.
    if (event.details.error?.failureType !== 'subtestsFailed') failed(event, errorText(event.details.error));
  });
  for (const type of ['test:stdout', 'test:stderr'] as const) {
    stream.on(type, (event: { file: string; message: string }) => {
      output.set(event.file, `${output.get(event.file) ?? ''}${event.message}`.slice(-4000));
    });
  }
  for await (const _ of stream);
  if (!lines) write('\n');
  return { passed, skipped, failures: failures.map((failure) => withOutput(failure, root, output)) };
}

function withOutput(failure: Failure, root: string, output: ReadonlyMap<string, string>): Failure {
  const [, printed] = [...output].find(([file]) => relative(root, file) === failure.file) ?? [];
  return printed === undefined
    ? failure
    : { ...failure, text: `${failure.text}\n--- the file printed:\n${printed.trimEnd()}` };
}

function errorText(error: Error | undefined): string {
  const cause = error?.cause ?? error;
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
  return stripVTControlCharacters(text)
    .replaceAll(/^ +at .*node:internal.*\n?/gm, '')
    .trimEnd();
}
