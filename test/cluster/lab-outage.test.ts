/** Members of etcd and agents of a lab killed, held and started again, by the command as a person types it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { LabSnapshot } from '#lab/snapshot.ts';
import { requireState } from '#lab/state.ts';
import type { CommandOutput } from '#runtime/command.ts';
import { lostCells, testLab } from './lab-fixture.ts';

test('etcd and agents of a lab can be killed, held and started again, each by itself', async (context) => {
  const lab = testLab(context);
  await lab.up();
  const run = async (verb: string, ...words: readonly string[]): Promise<CommandOutput> => {
    const output = await lab.weft(verb, ...words);
    assert.equal(output.code, 0, `${verb} ${words.join(' ')}: ${output.stderr}`);
    return output;
  };
  const status = async (): Promise<LabSnapshot> =>
    JSON.parse((await lab.weft('status', '--ping', '-o', 'json')).stdout);
  const members = async (): Promise<readonly string[]> => (await status()).hosts.map(({ etcd }) => etcd);
  const stateOf = (role: 'agent' | 'etcd', host: string): string | undefined => {
    const process = requireState(lab.name).processes.find((each) => each.role === role && each.host === host);
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${process?.pid}/status`, 'utf8'))?.[1];
  };

  await context.test('down etcd MEMBER kills that one, and start-etcd brings it back on its data', async () => {
    assert.match(
      (await run('down', 'etcd', 'etcd2')).stdout,
      /^etcd2: killed; start again: weft lab start-etcd etcd2\n$/,
    );
    assert.equal((await members())[1], 'down');
    const again = await lab.weft('down', 'etcd', 'host2');
    assert.equal(again.code, 2);
    assert.match(again.stderr, /the etcd member host2 does not run.*start it: weft lab start-etcd host2/s);
    assert.match((await run('start-etcd', 'etcd2')).stderr, /etcd2: started\n/);
    assert.equal((await members())[1], 'follower');
  });

  await context.test('down etcd kills all of them and nothing else: every ping goes on', async () => {
    assert.match((await run('down', 'etcd')).stdout, /^etcd1, etcd2, etcd3: killed/);
    const now = await status();
    assert.deepEqual([lostCells(now), now.hosts.filter(({ agent }) => agent.running).length], [0, 3]);
    assert.match((await lab.weft('down', 'etcd')).stderr, /no etcd member runs/);
  });

  await context.test('an agent that is killed and started without etcd goes on from what it has on disk', async () => {
    await run('kill-agent', 'host1');
    assert.match((await run('start-agent', 'host1')).stderr, /agent on host1: process \d+, ready in \d+ ms/);
    assert.equal(lostCells(await status()), 0);
  });

  await context.test('one member alone is started and not waited for', async () => {
    assert.match((await run('start-etcd', 'etcd1')).stderr, /etcd1: started; etcd serves once more than half/);
  });

  await context.test('start-etcd starts those that are missing; then there is nothing to do', async () => {
    assert.match((await run('start-etcd')).stderr, /etcd2, etcd3: started\n/);
    assert.equal((await members()).filter((member) => member === 'leader').length, 1);
    assert.match((await run('start-etcd')).stderr, /every etcd member runs already/);
  });

  await context.test('pause holds an agent or a member where it is, and resume lets it go on', async () => {
    for (const [role, host, target] of [
      ['agent', 'host2', 'host2'],
      ['etcd', 'host3', 'etcd3'],
    ] as const) {
      assert.match(
        (await run('pause', target)).stdout,
        new RegExp(`is paused; let it go on: weft lab resume ${target}`),
      );
      assert.equal(stateOf(role, host), 'T');
      assert.match((await run('resume', target)).stdout, /goes on/);
      assert.notEqual(stateOf(role, host), 'T');
    }
  });

  await context.test(
    'what does not run cannot be paused, and a name that is none is answered with the nearest',
    async () => {
      await run('kill-agent', 'host3');
      const dead = await lab.weft('pause', 'host3');
      assert.equal(dead.code, 2);
      assert.match(dead.stderr, /no agent runs on host3.*weft lab start-agent host3/s);
      await run('down', 'etcd', 'etcd3');
      assert.match((await lab.weft('resume', 'etcd3')).stderr, /the etcd member etcd3 does not run.*start-etcd etcd3/s);
      assert.match(
        (await lab.weft('down', 'etcd', 'ectd1')).stderr,
        /is no etcd member of the lab.*did you mean etcd1\?/s,
      );
      await run('start-etcd');
    },
  );

  await context.test(
    'an agent that does not get ready in time is an error with the end of its log, and runs on',
    async () => {
      await run('pause', 'etcd1');
      await run('pause', 'etcd2');
      await run('pause', 'etcd3');
      try {
        const hasty = await lab.weft('start-agent', 'host3', '--timeout', '0.01');
        assert.equal(hasty.code, 1);
        assert.match(hasty.stderr, /the agent on host3 did not get ready.*it was not ready after 0\.01 s/s);
      } finally {
        for (const member of ['etcd1', 'etcd2', 'etcd3']) await run('resume', member);
      }
      assert.match((await lab.weft('start-agent', 'host3')).stderr, /runs already/);
      const wrong = await lab.weft('start-agent', 'host3', '--timeout', 'soon');
      assert.deepEqual([wrong.code, /--timeout "soon" is no number of seconds/.test(wrong.stderr)], [2, true]);
    },
  );

  await context.test('a misspelt part is refused and takes nothing down', async () => {
    const output = await lab.weft('down', 'etdc');
    assert.equal(output.code, 2);
    assert.equal(lostCells(await status()), 0);
  });
});
