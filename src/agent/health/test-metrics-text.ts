/** A strict reader of Prometheus' text format 0.0.4, for tests: what the format does not allow throws. */
import assert from 'node:assert/strict';

export interface ReadMetric {
  readonly type: string;
  readonly help: string;
  /** Value by name with labels as written: `weft_kernel_operations_total{kind="route-add"}`. */
  readonly samples: Map<string, number>;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const SAMPLE = new RegExp(`^(${NAME})((?:\\{${LABEL}(?:,${LABEL})*\\})?) (-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)$`);

export function readMetrics(text: string): ReadonlyMap<string, ReadMetric> {
  assert(text.endsWith('\n'), 'the last line has no end');
  const metrics = new Map<string, ReadMetric>();
  let help: readonly [name: string, text: string] | undefined;
  let current: string | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const [, helpName, helpText] = new RegExp(`^# HELP (${NAME}) (\\S.*)$`).exec(line) ?? [];
    const [, typeName, type] =
      new RegExp(`^# TYPE (${NAME}) (counter|gauge|summary|histogram|untyped)$`).exec(line) ?? [];
    if (helpName !== undefined && helpText !== undefined) {
      assert(!metrics.has(helpName), `${helpName} comes twice`);
      help = [helpName, helpText];
    } else if (typeName !== undefined && type !== undefined) {
      assert.equal(help?.[0], typeName, 'TYPE does not follow its HELP');
      current = typeName;
      metrics.set(typeName, { type, help: help[1], samples: new Map() });
    } else readSample(line, current, metrics);
  }
  for (const [name, { type, samples }] of metrics) {
    assert(samples.size > 0, `${name} has no sample`);
    if (type === 'counter') assert(name.endsWith('_total'), `the counter ${name} does not end with _total`);
  }
  return metrics;
}

function readSample(line: string, current: string | undefined, metrics: ReadonlyMap<string, ReadMetric>): void {
  const [, name = '', labels = '', value] = SAMPLE.exec(line) ?? [];
  assert(value !== undefined, `no sample: ${JSON.stringify(line)}`);
  const metric = metrics.get(current ?? '') ?? assert.fail(`${name} stands before its TYPE`);
  const suffixes = metric.type === 'summary' ? ['', '_sum', '_count'] : [''];
  assert(
    suffixes.some((suffix) => name === `${current}${suffix}`),
    `${name} stands below ${current}`,
  );
  assert(!metric.samples.has(name + labels), `${name}${labels} comes twice`);
  metric.samples.set(name + labels, Number(value));
}
