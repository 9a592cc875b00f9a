/**
 * A thousand random requests of the plugin `weft`, with disks that are full, rules that cannot be written, namespaces that
 * vanish and agents that die in between: whatever happened, in the end nothing is left, and no address was given twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CniAnswer } from '#cni/weft/cni-service.ts';
import { type Files, systemFiles } from '#cni/weft/files.ts';
import { HostSide } from '#cni/weft/host-side.ts';
import type { Family } from '#model/ip.ts';
import type { LinkRemover } from '#netlink/link-remover.ts';
import type { NetlinkSocket } from '#netlink/socket.ts';
import { CniSite, type Config } from './cni-site.ts';

const OPERATIONS = 1000;
const CONTAINERS = 12;
const RANGE = {
  ipMasq: false,
  ipam: {
    ranges: [[{ subnet: '10.5.1.0/28', rangeStart: '10.5.1.2', rangeEnd: '10.5.1.10' }], [{ subnet: 'fd00:5:1::/64' }]],
  },
};
const WITH_RULES: Config = {
  ...RANGE,
  ipMasq: true,
  runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80 }] },
};

/** A reproducible sequence: mulberry32. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

class Faults {
  /** Of single calls that fail, and of deaths of the agent, after which every call fails, also those that would clean up. */
  rate = 0;
  deathRate = 0;
  injected = 0;
  deaths = 0;
  dead = false;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  maybe(): void {
    if (!this.dead && this.#random() < this.deathRate) {
      this.dead = true;
      this.deaths++;
    }
    if (!this.dead && this.#random() >= this.rate) return;
    this.injected++;
    throw Object.assign(new Error('ENOSPC: no space left on device (injected)'), { code: 'ENOSPC' });
  }
}

function failingFiles(faults: Faults): Files {
  const failing: Files = {
    ...systemFiles,
    create: (path, text) => {
      faults.maybe();
      return systemFiles.create(path, text);
    },
    replace: (path, text) => {
      faults.maybe();
      systemFiles.replace(path, text);
    },
    overwrite: (path, text) => {
      faults.maybe();
      systemFiles.overwrite(path, text);
    },
    remove: (path) => {
      faults.maybe();
      return systemFiles.remove(path);
    },
  };
  return failing;
}

class FailingHost extends HostSide {
  readonly #faults: Faults;

  constructor(namespace: string, faults: Faults) {
    super(namespace);
    this.#faults = faults;
  }

  override get links(): LinkRemover {
    this.#faults.maybe();
    return super.links;
  }

  override get socket(): NetlinkSocket {
    this.#faults.maybe();
    return super.socket;
  }

  override mustSet(setting: string, value: string): void {
    this.#faults.maybe();
    super.mustSet(setting, value);
  }

  override restoreRules(family: Family, text: string): Promise<void> {
    this.#faults.maybe();
    return super.restoreRules(family, text);
  }
}

function addressesOf(answer: CniAnswer): readonly string[] {
  if (!('ok' in answer)) return [];
  const { ips = [] }: { readonly ips?: readonly { readonly address: string }[] } = answer.ok ?? {};
  return ips.map(({ address }) => address);
}

test(`${OPERATIONS} random requests with injected failures leave no cable, address, file or rule`, async (context) => {
  const seed = Date.now() % 1_000_000;
  context.diagnostic(`seed ${seed}`);
  const random = sequence(seed);
  const faults = new Faults(random);
  const files = failingFiles(faults);
  const site = new CniSite(context, { files, host: (path) => new FailingHost(path, faults) });
  const alive = new Set<number>();
  const attached = new Map<number, readonly string[]>();
  const failures = { ADD: 0, DEL: 0 };
  const pick = (below: number): number => Math.floor(random() * below);

  const add = async (number: number): Promise<void> => {
    const mode = random() < 0.3 ? { mode: 'ptp' } : {};
    const answer = await site.ask('ADD', number, { ...(random() < 0.04 ? WITH_RULES : RANGE), ...mode });
    if ('failed' in answer) {
      failures.ADD++;
      return;
    }
    const given = addressesOf(answer);
    for (const [other, theirs] of attached) {
      const twice = given.filter((address) => theirs.includes(address));
      assert.deepEqual(twice, [], `given to c${number} while c${other} has it (seed ${seed})`);
    }
    assert(!attached.has(number), `c${number} was attached twice (seed ${seed})`);
    attached.set(number, given);
  };
  const remove = async (number: number): Promise<void> => {
    // Whatever becomes of it, its address may be given again from here on.
    attached.delete(number);
    if ('failed' in (await site.ask('DEL', number, RANGE))) failures.DEL++;
  };

  faults.rate = 0.02;
  faults.deathRate = 0.005;
  for (let operation = 0; operation < OPERATIONS; operation++) {
    if (faults.dead) {
      faults.dead = false;
      site.restart(files);
    }
    const number = pick(CONTAINERS);
    if (!alive.has(number)) {
      site.container(number);
      alive.add(number);
    }
    const choice = random();
    if (choice < 0.5) await add(number);
    else if (choice < 0.88) await remove(number);
    else if (choice < 0.91) {
      const others = [pick(CONTAINERS), pick(CONTAINERS)].filter((other) => alive.has(other));
      await Promise.all([...new Set(others)].map(remove));
    } else if (choice < 0.94) {
      site.removeContainer(number);
      alive.delete(number);
      attached.delete(number);
    } else if (choice < 0.97) site.restart(files);
    else {
      const valid = [...attached.keys()].map((each) => ({ containerID: `c${each}`, ifname: 'eth0' }));
      await site.ask('GC', number, { ...RANGE, cniVersion: '1.1.0', 'cni.dev/valid-attachments': valid });
    }
  }
  context.diagnostic(`${faults.injected} faults, ${faults.deaths} deaths, ${JSON.stringify(failures)}`);
  assert(faults.injected > 20 && faults.deaths > 5 && failures.ADD > 20);

  faults.rate = 0;
  faults.deathRate = 0;
  faults.dead = false;
  site.restart(files);
  for (let number = 0; number < CONTAINERS; number++)
    assert.deepEqual(await site.ask('DEL', number, RANGE), { ok: null });
  assert.deepEqual(site.files(), { addresses: [], records: [] }, `seed ${seed}`);
  assert.deepEqual(site.cables(), [], `seed ${seed}`);
  for (const tool of ['iptables', 'ip6tables'] as const)
    assert.doesNotMatch(site.rules(tool), /CNI-DN-|:CNI-[0-9a-f]/, `seed ${seed}`);
  for (const number of alive)
    assert.equal(site.inside(number, '-br', 'link', 'show', 'type', 'veth'), '', `seed ${seed}`);
});
