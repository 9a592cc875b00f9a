import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LeaseChange, LeaseStore } from '#agent/leases/store.ts';
import { generate } from './generate.ts';
import type { Invariant } from './invariants.ts';
import type { Schedule, SimEvent } from './schedule.ts';
import { shrink } from './shrink.ts';
import type { SimHost } from './sim-host.ts';
import { simulate } from './simulate.ts';
import type { WorldOptions } from './world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function scheduleOf(events: readonly SimEvent[], more: Partial<Schedule> = {}): Schedule {
  return { seed: 1, hosts: 4, subnets: 8, endMs: 2 * HOUR, events, ...more };
}

/** A store in which some verbs are others. */
function planted(verbs: (store: LeaseStore, host: SimHost) => Partial<LeaseStore>): WorldOptions {
  return {
    wrapStore: (store, host) => ({
      hosts: store.hosts,
      config: () => store.config(),
      list: () => store.list(),
      prepareGrant: (seconds) => store.prepareGrant(seconds),
      create: (subnet, attributes, seconds) => store.create(subnet, attributes, seconds),
      renew: (own, attributes, seconds) => store.renew(own, attributes, seconds),
      release: (own) => store.release(own),
      watch: (revision, listener) => store.watch(revision, listener),
      close: () => store.close(),
      ...verbs(store, host),
    }),
  };
}

/** From the second minute on host 2 does not hear what host 3 writes. */
const DEAF = planted((store, host) => ({
  watch: (revision, listener) => {
    let isDeaf = false;
    host.later(MINUTE, () => {
      isDeaf = host.index === 2;
    });
    return store.watch(revision, (event) => {
      if (!isDeaf || event.type !== 'changes') return listener(event);
      const isHeard = (change: LeaseChange): boolean =>
        change.type !== 'put' || change.lease.attributes.publicIp !== 0x0a4d0004;
      listener({ ...event, changes: event.changes.filter(isHeard) });
    });
  },
}));

const CALM: SimEvent = { at: HOUR, kind: 'calm' };

async function broken(schedule: Schedule, options: WorldOptions = {}): Promise<Invariant | undefined> {
  return (await simulate(schedule, options)).violation?.invariant;
}

test('a fleet without faults comes to rest, and does nothing but renew', async () => {
  const outcome = await simulate(scheduleOf([CALM]));
  assert.equal(outcome.violation, undefined);
  assert.equal(outcome.leases, 4);
  assert.equal(outcome.slowestConvergenceS, 1);
});

test('the same schedule leads to the same trace, another seed to another one', async () => {
  const schedule = generate({ seed: 3 });
  const [first, second, other] = [
    await simulate(schedule),
    await simulate(schedule),
    await simulate(generate({ seed: 4 })),
  ];
  assert.equal(first.traceHash, second.traceHash);
  assert.deepEqual(first.counts, second.counts);
  assert.notEqual(first.traceHash, other.traceHash);
});

test('a store that loses an event of its watch is found out, and the schedule is cut down to what it takes', async () => {
  const deletion: SimEvent = { at: 2 * MINUTE, kind: 'lease deleted', host: 3 };
  const noise = generate({ seed: 8, hosts: 3, events: 30, hours: 1 }).events.filter(({ kind }) => kind === 'drift');
  const schedule = scheduleOf([deletion, ...noise.filter(({ at }) => at < HOUR), CALM].toSorted((a, b) => a.at - b.at));
  assert.ok(schedule.events.length > 3);
  assert.equal(await broken(schedule, DEAF), 'no live peer withdrawn');
  const { schedule: smallest } = await shrink(
    schedule,
    async (each) => (await broken(each, DEAF)) === 'no live peer withdrawn',
  );
  assert.deepEqual(
    smallest.events.map(({ kind }) => kind),
    ['lease deleted'],
  );
});

test('one owner: two hosts that write overlapping subnets are found out', async () => {
  const twice = planted((store, host) => ({
    create(subnet, attributes, seconds) {
      const { ipv4 } = subnet;
      if (host.index !== 1 || ipv4 === undefined) return store.create(subnet, attributes, seconds);
      return store.create({ ipv4: { address: 0x0a800000, length: 20 } }, attributes, seconds);
    },
  }));
  assert.equal(await broken(scheduleOf([CALM]), twice), 'one owner');
});

test('held or claimed: a host that does not hear of the loss of its record is found out', async () => {
  const deaf = planted((store) => ({
    watch: (revision, listener) => store.watch(revision, (event) => event.type !== 'changes' && listener(event)),
  }));
  const schedule = scheduleOf([{ at: 10 * MINUTE, kind: 'lease deleted', host: 0 }, CALM]);
  assert.equal(await broken(schedule, deaf), 'held or claimed');
});

test('keeps its subnet: a host that does not find its lease again and takes another one is found out', async () => {
  const forgetful = planted((store, host) => ({
    list: async () => {
      const snapshot = await store.list();
      return host.subnetFile === undefined ? snapshot : { ...snapshot, leases: [] };
    },
    create: (subnet, attributes, seconds) => {
      const { ipv4 } = subnet;
      if (ipv4 === undefined || host.subnetFile === undefined) return store.create(subnet, attributes, seconds);
      return store.create({ ipv4: { ...ipv4, address: 0x0a803200 } }, attributes, seconds);
    },
  }));
  const schedule = scheduleOf([{ at: 11 * MINUTE, kind: 'crash', host: 0, forMs: 20_000 }, CALM]);
  assert.equal(await broken(schedule), undefined);
  assert.equal(await broken(schedule, forgetful), 'keeps its subnet');
});

test('no live peer withdrawn: a store that tells of a loss that never was is found out', async () => {
  const lying = planted((store, host) => ({
    watch: (revision, listener) => {
      const end = store.watch(revision, listener);
      const tell = async (): Promise<void> => {
        const { leases, revision: now } = await store.list();
        const other = leases.find(({ attributes }) => attributes.publicIp !== host.address);
        if (other === undefined) return;
        listener({ type: 'changes', revision: now, changes: [{ type: 'gone', subnet: other.subnet }] });
      };
      if (host.index === 3) void new Promise<void>((resolve) => host.later(60_000, resolve)).then(tell);
      return end;
    },
  }));
  assert.equal(await broken(scheduleOf([CALM]), lying), 'no live peer withdrawn');
});

test('lease kept alive: a host that lets its lease expire is found out', async () => {
  const brief = planted((store) => ({
    create: (subnet, attributes) => store.create(subnet, attributes, 1800),
  }));
  assert.equal(await broken(scheduleOf([{ ...CALM, at: 1.5 * HOUR }]), brief), 'lease kept alive');
});

test('at rest: an agent that writes without need is found out', async () => {
  const busy = planted((store, host) => {
    const again = (): void => {
      host.later(300_000, () => {
        store.prepareGrant(7 + host.index);
        store.close();
        again();
      });
    };
    again();
    return {};
  });
  assert.equal(await broken(scheduleOf([CALM]), busy), 'at rest');
});

test('deadlines advance: an agent that runs in a circle is found out', async () => {
  const circle = planted((_, host) => ({
    renew: async (own, attributes) => ({ ...own, attributes: { ...attributes, publicIp: host.address + 1 } }),
  }));
  const schedule = scheduleOf([{ at: 10 * MINUTE, kind: 'renumber', host: 0 }, CALM]);
  assert.equal(await broken(schedule, circle), 'deadlines advance');
});

test('forwarding stays: an agent that takes its own address down is found out', async () => {
  // What it holds is another subnet from the tenth minute on, without anybody having touched it.
  const moving = planted((store, host) => ({
    renew: async (own, attributes, seconds) => {
      const renewed = await store.renew(own, attributes, seconds);
      if (renewed === 'lost' || host.index !== 0) return renewed;
      return { ...renewed, subnet: { ipv4: { address: 0x0a80_6300, length: 24 } } };
    },
  }));
  const schedule = scheduleOf([{ ...CALM, at: 29 * HOUR }], { endMs: 30 * HOUR });
  assert.equal(await broken(schedule, moving), 'forwarding stays');
});

test('bounded: a fleet in which more and more timers wait is found out', async () => {
  const hoarding = planted((_, host) => {
    const again = (): void => {
      host.later(60_000, again);
      for (let more = 0; more < 10; more += 1) host.later(24 * HOUR, () => undefined);
    };
    again();
    return {};
  });
  assert.equal(await broken(scheduleOf([CALM]), hoarding), 'bounded');
});

test('bounded: an agent whose store tells of more and more leases is found out', async () => {
  const endless = planted((store, host) => ({
    watch: (revision, listener) => {
      const end = store.watch(revision, listener);
      const leases = Array.from({ length: 400 }, (_, at) => ({
        subnet: { ipv4: { address: 0x0a90_0000 + at * 256, length: 24 } },
        attributes: { publicIp: 0x0a4e_0000 + at, publicIpv6: null, backendType: 'vxlan' },
        reservation: false,
        created: 1000 + at,
        modified: 1000 + at,
      }));
      const changes = leases.map((lease) => ({ type: 'put', lease }) as const);
      if (host.index === 2) host.later(MINUTE, () => listener({ type: 'changes', revision: 5000, changes }));
      return end;
    },
  }));
  assert.equal(await broken(scheduleOf([CALM]), endless), 'bounded');
});

test('kernel accepts: an agent that writes to a device which is not there is found out', async () => {
  const careless = planted((_, host) => {
    const { kernel } = host;
    const apply = kernel.apply.bind(kernel);
    const entry = { device: 'flannel.2', address: 0x0a80_0100, mac: '8a:00:00:00:00:01' } as const;
    if (host.index === 1) kernel.apply = (operations) => apply([...operations, { type: 'neighbor-replace', entry }]);
    return {};
  });
  assert.equal(await broken(scheduleOf([CALM]), careless), 'kernel accepts');
});
