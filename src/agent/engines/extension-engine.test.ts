import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Engine } from '#agent/backends/engine.ts';
import type { ExtensionEngineState, ExtensionPeer } from '#agent/backends/engine-state.ts';
import { ManualClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { createLog } from '#runtime/log.ts';
import { openExtensionEngine } from './extension-engine.ts';
import { toldPeersFile } from './told-peers.ts';

/** A directory with a program that notes how it was called, a clock that stands still, and a log. */
class Bench {
  readonly directory: string;
  readonly program: string;
  readonly clock = new ManualClock();
  log = '';

  constructor(context: TestContext) {
    this.directory = mkdtempSync(join(tmpdir(), 'weft-extension-'));
    context.after(() => rmSync(this.directory, { recursive: true }));
    this.program = this.script(
      'note',
      `echo "$* SUBNET=$SUBNET IPV6SUBNET=$IPV6SUBNET PUBLIC_IP=$PUBLIC_IP PUBLIC_IPV6=$PUBLIC_IPV6 NETWORK=$NETWORK in=$(cat)" >> ${this.path('calls')}
       test ! -e ${this.path('fail')}`,
    );
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  script(name: string, body: string): string {
    writeFileSync(this.path(name), `#!/bin/sh\n${body}\n`);
    chmodSync(this.path(name), 0o755);
    return this.path(name);
  }

  open(preStartup?: string): Promise<Engine> {
    const write = (line: string): void => {
      this.log += line;
    };
    return openExtensionEngine({
      preStartup,
      told: toldPeersFile(this.path('told.json')),
      clock: this.clock,
      log: createLog({ verbose: false, journal: true, write, now: () => 0 }),
      environment: { PATH: process.env['PATH'], OWN: 'of the process' },
    });
  }

  wanted(peers: readonly ExtensionPeer[], postStartup?: string): ExtensionEngineState {
    return {
      type: 'extension',
      commands: { postStartup, subnetAdd: `${this.program} add $OWN $SUBNET`, subnetRemove: `${this.program} remove` },
      own: {
        network: '10.5.0.0/16',
        subnet: '10.5.1.0/24',
        ipv6Subnet: 'fd00:0:0:1::/64',
        publicIp: '192.0.2.1',
        publicIpv6: '2001:db8::1',
      },
      peers,
    };
  }

  /** What was called since the last look: arguments and, behind `in=`, the standard input. */
  calls(): readonly string[] {
    if (!existsSync(this.path('calls'))) return [];
    const lines = readFileSync(this.path('calls'), 'utf8').trimEnd().split('\n');
    rmSync(this.path('calls'));
    return lines;
  }

  /** The arguments alone. */
  words(): readonly string[] {
    return this.calls().map((line) => line.replace(/ SUBNET=(\S*).*/, ' $1'));
  }
}

function peer(number: number, data = ''): ExtensionPeer {
  return { subnet: `10.5.${number}.0/24`, ipv6Subnet: '', publicIp: `192.0.2.${number}`, publicIpv6: '', data };
}

test('what the first command prints, on both streams, is the identity', async (context) => {
  const bench = new Bench(context);
  const engine = await bench.open(bench.script('pre', 'echo " key "; echo error >&2'));
  assert.equal(engine.identity, 'key \nerror');
});

test('without a first command there is no identity; one that prints nothing gives an empty one', async (context) => {
  const bench = new Bench(context);
  assert.equal((await bench.open()).identity, undefined);
  assert.equal((await bench.open('true')).identity, '');
});

test('a first command that fails, is missing or prints too much is a Fault', async (context) => {
  const bench = new Bench(context);
  const refused = (command: string, text: RegExp): Promise<void> =>
    assert.rejects(bench.open(command), (error) => {
      assert.ok(error instanceof Fault && error.code === 'command.failed');
      assert.match(error.summary, text);
      return true;
    });
  await refused(
    bench.script('broken', 'echo no key here >&2; exit 4'),
    /run PreStartupCommand.*exit code 4: no key here/,
  );
  await refused('weft-none --now', /weft-none is not installed/);
  await refused(
    bench.script('long', 'head -c 9000 /dev/zero | tr "\\0" x'),
    /more than a lease can hold.*9000 characters/,
  );
});

test('the second command is run once, with the own lease, before any peer', async (context) => {
  const bench = new Bench(context);
  const engine = await bench.open();
  const wanted = bench.wanted([peer(2)], `${bench.program} post $NETWORK`);
  assert.equal(await engine.converge(wanted), 2);
  const [post, add] = bench.calls();
  const own = 'SUBNET=10.5.1.0/24 IPV6SUBNET=fd00:0:0:1::/64 PUBLIC_IP=192.0.2.1 PUBLIC_IPV6=2001:db8::1';
  assert.equal(post, `post 10.5.0.0/16 ${own} NETWORK=10.5.0.0/16 in=`);
  assert.match(add ?? '', /^add of the process 10\.5\.2\.0\/24 SUBNET=10\.5\.2\.0\/24/);
  assert.equal(await engine.converge(wanted), 0);
});

test('a second command that fails is a Fault and is run again', async (context) => {
  const bench = new Bench(context);
  const engine = await bench.open();
  writeFileSync(bench.path('fail'), '');
  await assert.rejects(async () => engine.converge(bench.wanted([peer(2)], `${bench.program} post`)), {
    code: 'command.failed',
  });
  assert.deepEqual(bench.words(), ['post 10.5.1.0/24'], 'no peer before it has succeeded');
  rmSync(bench.path('fail'));
  assert.equal(await engine.converge(bench.wanted([], `${bench.program} post`)), 1);
});

test('a peer is added once, again when it changes, and removed when it goes', async (context) => {
  const bench = new Bench(context);
  const engine = await bench.open();
  assert.equal(await engine.converge(bench.wanted([peer(2, 'key "two"'), peer(3)])), 2);
  const [two, three] = bench.calls();
  assert.match(
    two ?? '',
    /SUBNET=10\.5\.2\.0\/24 IPV6SUBNET= PUBLIC_IP=192\.0\.2\.2 PUBLIC_IPV6= NETWORK= in=key "two"$/,
  );
  assert.match(three ?? '', /PUBLIC_IP=192\.0\.2\.3 .* in=$/);
  assert.equal(await engine.converge(bench.wanted([peer(2, 'key "two"'), peer(3)])), 0);
  assert.equal(await engine.converge(bench.wanted([peer(2, 'new'), peer(3)])), 1);
  assert.match(bench.calls().join(), /^add .* in=new$/);
  assert.equal(await engine.converge(bench.wanted([peer(3)])), 1);
  assert.match(bench.calls().join(), /^remove SUBNET=10\.5\.2\.0\/24 .* in=new$/);
});

test('a restart adds all peers again and removes those that went meanwhile', async (context) => {
  const bench = new Bench(context);
  await (await bench.open()).converge(bench.wanted([peer(2, 'old'), peer(3)]));
  bench.calls();
  await (await bench.open()).converge(bench.wanted([peer(3), peer(4)]));
  assert.deepEqual(bench.words(), [
    'remove 10.5.2.0/24',
    'add of the process 10.5.3.0/24 10.5.3.0/24',
    'add of the process 10.5.4.0/24 10.5.4.0/24',
  ]);
});

test('a file of told peers that is broken counts as none', async (context) => {
  const bench = new Bench(context);
  for (const text of ['', '{', '{}', '[null, 7, {"subnet": 1}]']) {
    writeFileSync(bench.path('told.json'), text);
    const engine = await bench.open();
    await engine.converge(bench.wanted([peer(2)]));
    assert.deepEqual(bench.words(), ['add of the process 10.5.2.0/24 10.5.2.0/24']);
  }
});

test('a command that fails is run again later and later, and given up at last', async (context) => {
  const bench = new Bench(context);
  const engine = await bench.open();
  let woken = 0;
  engine.watch(() => {
    woken += 1;
  });
  writeFileSync(bench.path('fail'), '');
  const wanted = bench.wanted([peer(2)]);
  assert.equal(await engine.converge(wanted), 1);
  assert.equal(await engine.converge(wanted), 0, 'not with every pass');
  assert.equal(await engine.converge(bench.wanted([peer(2), peer(3)])), 1, 'others are not held up');
  assert.equal(woken, 0);
  let tries = 1;
  for (let minutes = 0; minutes < 60; minutes++) {
    bench.clock.advance(60_000);
    tries += await engine.converge(wanted);
  }
  assert.ok(woken >= 7);
  assert.match(bench.log, /level=error msg="SubnetAddCommand is not tried again/);
  assert.equal(bench.words().filter((line) => line.startsWith('add of the process 10.5.2.0')).length, 8);
  assert.ok(tries > 8, 'the removal of the third peer was tried too');
  rmSync(bench.path('fail'));
  assert.equal(await engine.converge(bench.wanted([peer(2, 'changed')])), 1, 'a change is a new chance');
});

test('a retry that succeeds ends the retries', async (context) => {
  const bench = new Bench(context);
  const engine = await bench.open();
  let woken = 0;
  engine.watch(() => {
    woken += 1;
  });
  writeFileSync(bench.path('fail'), '');
  await engine.converge(bench.wanted([peer(2)]));
  rmSync(bench.path('fail'));
  bench.clock.advance(5_000);
  assert.equal(woken, 1);
  assert.equal(await engine.converge(bench.wanted([peer(2)])), 1);
  bench.clock.advance(3_600_000);
  assert.equal(woken, 1);
});

test('nothing that a peer publishes is ever read by a shell or lands in argv', async (context) => {
  const bench = new Bench(context);
  const engine = await bench.open();
  const trap = bench.path('trapped');
  const data = `$(touch ${trap}); \`touch ${trap}\`; | touch ${trap}\n$SUBNET`;
  await engine.converge(bench.wanted([peer(2, data)]));
  assert.equal(existsSync(trap), false);
  const text = bench.calls().join('\n');
  assert.match(text, /^add of the process 10\.5\.2\.0\/24 SUBNET=/);
  assert.ok(text.endsWith(`in=${data}`));
});

test('without commands for peers nothing is run', async (context) => {
  const bench = new Bench(context);
  const engine = await bench.open();
  const wanted = bench.wanted([peer(2)]);
  const commands = { postStartup: undefined, subnetAdd: undefined, subnetRemove: undefined };
  await engine.converge({ ...wanted, commands });
  await engine.converge({ ...bench.wanted([]), commands });
  assert.deepEqual(bench.calls(), []);
});

test('a command with a shell in mind is run as it stands, with one warning', async (context) => {
  const bench = new Bench(context);
  const engine = await bench.open();
  const wanted = bench.wanted([peer(2), peer(3)]);
  const commands = { ...wanted.commands, subnetAdd: `${bench.program} "a b"; true` };
  await engine.converge({ ...wanted, commands });
  assert.match(bench.calls()[0] ?? '', /^"a b"; true SUBNET/);
  assert.equal(bench.log.match(/what only a shell understands/g)?.length, 1);
});

test('what a command prints is logged, cut', async (context) => {
  const bench = new Bench(context);
  const engine = await bench.open();
  const wanted = bench.wanted([peer(2)]);
  const loud = bench.script('loud', 'head -c 100000 /dev/zero | tr "\\0" x; exit 3');
  await engine.converge({ ...wanted, commands: { ...wanted.commands, subnetAdd: loud } });
  assert.match(
    bench.log,
    /level=warn msg="SubnetAddCommand failed" subnet="?10\.5\.2\.0\/24"? code=3 output="x{400}… \(1000 characters\)"\n/,
  );
});
