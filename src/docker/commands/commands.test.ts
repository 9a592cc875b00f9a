import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TestOperator, type TestRun } from '#cli/test-context.ts';
import { dockerCommand, dockerOptsCommand } from '#docker/commands.ts';
import { AGENT_UNIT, DOCKER_UNIT, SUBNET_FILE } from '#docker/wire/test-machine.ts';

/** Files of a host in a directory; nothing outside of it is read but what runs, and nothing is written. */
class Bench {
  readonly directory = mkdtempSync(join(tmpdir(), 'weft-docker-'));
  readonly #operator = new TestOperator([dockerCommand, dockerOptsCommand]);

  constructor(context: TestContext) {
    context.after(() => rmSync(this.directory, { recursive: true }));
    this.write('docker.service', DOCKER_UNIT);
    this.write('weftd.service', AGENT_UNIT);
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  /** `weft docker VERB`, with the places in the directory. */
  run(verb: string): Promise<TestRun> {
    const { directory } = this;
    const places = `--unit-directories ${directory} --daemon-json ${directory}/daemon.json --options-file ${directory}/options`;
    return this.#operator.run(`docker ${verb} ${places} --subnet-file ${directory}/subnet.env`);
  }

  weft(line: string): Promise<TestRun> {
    return this.#operator.run(line);
  }
}

test('--dry-run shows a diff and writes nothing; wire writes it, once, and unwire takes it back', async (context) => {
  const bench = new Bench(context);
  const before = readdirSync(bench.directory, { recursive: true });
  const dry = await bench.run('wire --dry-run');
  assert.equal(dry.code, 0);
  assert.match(dry.out, new RegExp(`^--- /dev/null\n\\+\\+\\+ ${bench.path('docker.service.d/weft.conf')}\n@@ -0,0`));
  assert.deepEqual(readdirSync(bench.directory, { recursive: true }), before);

  const wired = await bench.run('wire --weft /bin/sh');
  assert.equal(wired.code, 0, wired.notes);
  assert.match(wired.notes, /^wrote .*docker.service.d\/weft.conf\nwrote .*weftd.service.d\/weft-docker.conf\n/);
  assert.match(wired.notes, /there is no lease in .* yet: docker takes it over when weftd.service has one\n$/);
  assert.match((await bench.run('wire --weft /bin/sh')).notes, /^nothing to change\n/);
  assert.deepEqual(await bench.run('wire --dry-run --weft /bin/sh'), {
    code: 0,
    out: '',
    notes: 'nothing to change\n',
  });

  assert.match((await bench.run('unwire --dry-run')).out, /^--- .*weft.conf\n\+\+\+ \/dev\/null\n/);
  assert.match((await bench.run('unwire')).notes, /^removed .*\nremoved .*\ndocker keeps its network until/);
  assert.deepEqual(readdirSync(bench.directory, { recursive: true }), before);
  assert.equal((await bench.run('unwire')).notes, 'nothing to take back\n');
});

test('wrong usage writes nothing and ends with 2', async (context) => {
  const bench = new Bench(context);
  const before = readdirSync(bench.directory, { recursive: true });
  for (const [words, what] of [
    ['wire --weft /no/such/weft', /no program \/no\/such\/weft/],
    ['wire --weft bin/weft', /"bin\/weft" is not an absolute path/],
    ['wire --docker-unit docker', /"docker" is not the name of a service/],
    ['wire --form both', /--form/],
  ] as const) {
    const run = await bench.run(words);
    assert.equal(run.code, 2, words);
    assert.match(run.notes, what);
  }
  assert.deepEqual(readdirSync(bench.directory, { recursive: true }), before);
});

test('status says for people and for programs what is wrong, and ends with 1', async (context) => {
  const bench = new Bench(context);
  const people = await bench.run('status');
  assert.equal(people.code, 1);
  assert.match(people.out, /^wired +no$/m);
  assert.match(people.out, /✗ docker is not told about the lease\n {4}why: .*\n {4}remedy: weft docker wire\n/);
  const programs = await bench.run('status -o json');
  assert.equal(programs.code, 1);
  assert.equal(JSON.parse(programs.out).findings[0].remedy, 'weft docker wire');
});

test('docker-opts --daemon-json writes the lease where docker reads it, and only when it changes', async (context) => {
  const bench = new Bench(context);
  const words = `docker-opts -f ${bench.path('subnet.env')} --daemon-json ${bench.path('daemon.json')}`;
  assert.match((await bench.weft(words)).notes, /docker.subnet-file/);
  bench.write('subnet.env', SUBNET_FILE);
  bench.write('daemon.json', '{ "debug": true }\n');
  assert.match((await bench.weft(words)).notes, /^wrote /);
  const text = '{ "debug": true, "bip": "172.30.71.1/24", "mtu": 1450, "ip-masq": false }\n';
  assert.equal(readFileSync(bench.path('daemon.json'), 'utf8'), text);
  assert.match((await bench.weft(words)).notes, /^nothing to change in /);
  bench.write('daemon.json', '{ "debug": true');
  const broken = await bench.weft(words);
  assert.equal(broken.code, 1);
  assert.match(broken.notes, /daemon.json, line 1, column 16/);
});
