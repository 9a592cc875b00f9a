/** Machines with one address, on the in-memory etcd with random message times, starts, deaths and partitions; replays by seed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ManualClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { during, GuardedMachine, HOST_KEY, pass } from './host-guard-machine.ts';
import { parseHostRecord } from './host-record.ts';
import { seededRandom } from './lease-builders.ts';
import { MemoryEtcd } from './memory-etcd.ts';

const SEEDS = 40;
const MACHINES = 4;

interface World {
  readonly clock: ManualClock;
  readonly etcd: MemoryEtcd;
  readonly machines: readonly GuardedMachine[];
  readonly random: () => number;
}

function world(seed: number): World {
  const random = seededRandom(seed);
  const clock = new ManualClock();
  const etcd = new MemoryEtcd({ clock, latencyMs: () => random() * 40 });
  const names = Array.from({ length: MACHINES }, (_, index) => 'm'.repeat(index + 1));
  return { clock, etcd, random, machines: names.map((name) => new GuardedMachine(etcd, clock, name)) };
}

/** Who holds the address after everybody alive tried once, all at about the same time. */
async function holders({ clock }: World, machines: readonly GuardedMachine[]): Promise<readonly GuardedMachine[]> {
  const outcomes = await during(clock, Promise.all(machines.map((machine) => claim(machine))));
  return machines.filter((_, index) => outcomes[index] === 'ours');
}

async function claim(machine: GuardedMachine): Promise<'ours' | 'held' | 'failed'> {
  try {
    return await machine.claim();
  } catch (error) {
    // Cut off, or overtaken in the middle: the agent tries again later, too.
    if (error instanceof Fault) return 'failed';
    throw error;
  }
}

function assertHolder({ etcd }: World, holder: GuardedMachine | undefined, seed: number): void {
  const record = parseHostRecord(etcd.keyspace.range({ key: HOST_KEY }).kvs[0]?.value ?? '');
  assert.equal(record?.name, holder?.mark.name, `seed ${seed}`);
}

test(`of ${MACHINES} machines that start at the same instant exactly one gets the address, and keeps it`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const all = world(seed);
    const first = await holders(all, all.machines);
    assert.equal(first.length, 1, `seed ${seed}`);
    assertHolder(all, first[0], seed);
    assert.deepEqual(await holders(all, all.machines), first, `seed ${seed}`);
  }
});

test('when the owner dies exactly one of those that wait takes over', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const all = world(seed);
    const [owner] = await holders(all, all.machines);
    owner?.die();
    all.clock.advance(300_000);
    const rest = all.machines.filter((machine) => machine !== owner);
    const next = await holders(all, rest);
    assert.equal(next.length, 1, `seed ${seed}`);
    assertHolder(all, next[0], seed);
  }
});

test('after partitions of any kind exactly one machine holds the address, the others know', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const all = world(seed);
    const { clock, machines, random } = all;
    let open = true;
    const life = async (machine: GuardedMachine): Promise<void> => {
      while (open) {
        await claim(machine);
        await new Promise<void>((resolve) => void clock.after(random() * 3000, resolve));
      }
    };
    const lives = machines.map((machine) => life(machine));
    for (let fault = 0; fault < 6; fault++) {
      const machine = machines[Math.floor(random() * MACHINES)] ?? assert.fail();
      machine.client.cut();
      await pass(clock, random() * 8000);
      machine.client.heal();
      await pass(clock, random() * 1000);
    }
    open = false;
    await during(clock, Promise.all(lives));
    await pass(clock, 5000);
    // Twice: who was overtaken learns it by asking.
    await holders(all, machines);
    const last = await holders(all, machines);
    assert.equal(last.length, 1, `seed ${seed}: ${last.map(({ mark }) => mark.name)}`);
    await turn();
    assertHolder(all, last[0], seed);
  }
});
