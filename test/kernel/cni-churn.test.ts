/**
 * The plugin flannel over many random operations, with delegates that fail, die and lose what they did, and containers that
 * vanish: afterwards nothing is left, neither device nor address nor state. The plugin runs in this process, so that a
 * thousand operations take seconds; its delegates are Debian's plugins. `CNI_SEED` repeats a run.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { flannelPlugin } from '#cni/flannel/flannel-plugin.ts';
import { runPlugin } from '#cni/protocol/plugin.ts';
import { CniHost, DEBIAN_PLUGINS, type JsonObject } from './cni-host.ts';

const OPERATIONS = 1000;
const TIME_LIMIT_MS = 18_000;
const WORKERS = 3;
const CONTAINERS_PER_WORKER = 3;
/** What the delegate does when its container is to fail. */
const FAILURES = ['refuse', 'die', 'die-after'] as const;

/** Numbers that look random and are the same for the same seed (a linear congruential generator). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

class Churn {
  readonly host: CniHost;
  readonly #faults: string;
  readonly #subnetText: string;
  readonly counts = { operations: 0, refused: 0 };

  constructor(host: CniHost) {
    this.host = host;
    this.#faults = mkdtempSync(join(host.folder, 'faults-'));
    this.#subnetText =
      'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.17.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n';
    const real = `nsenter --net=/run/netns/${host.name} -- ${DEBIAN_PLUGINS}/bridge`;
    const script = [
      '#!/bin/sh',
      `fault=$(cat ${this.#faults}/$CNI_CONTAINERID 2>/dev/null)`,
      'case $fault in',
      `refuse) echo '{"code":11,"msg":"injected"}'; exit 1 ;;`,
      'die) kill -KILL $$ ;;',
      `die-after) ${real} > /dev/null; kill -KILL $$ ;;`,
      `*) exec ${real} ;;`,
      'esac',
    ];
    rmSync(join(host.bin, 'bridge'));
    writeFileSync(join(host.bin, 'bridge'), `${script.join('\n')}\n`, { mode: 0o755 });
  }

  async call(
    command: string,
    id: string,
    netns: string | undefined,
    config: object = {},
  ): Promise<JsonObject & { readonly ok: boolean }> {
    let out = '';
    const environment = {
      PATH: process.env['PATH'],
      CNI_COMMAND: command,
      CNI_CONTAINERID: id,
      CNI_NETNS: netns === undefined ? '' : `/run/netns/${netns}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: this.host.bin,
    };
    const code = await runPlugin(flannelPlugin({ environment, writeError: () => {} }), {
      environment,
      readInput: () => JSON.stringify(this.host.config(config)),
      write: (text) => {
        out += text;
      },
      writeError: () => {},
    });
    this.counts.operations += 1;
    if (code !== 0) this.counts.refused += 1;
    return { ...(out === '' ? {} : JSON.parse(out)), ok: code === 0 };
  }

  setFault(id: string, fault: string | undefined): void {
    if (fault === undefined) rmSync(join(this.#faults, id), { force: true });
    else writeFileSync(join(this.#faults, id), fault);
  }

  /** The agent's file comes and goes. */
  setSubnetFile(there: boolean): void {
    if (there) writeFileSync(this.host.subnetFile, this.#subnetText);
    else rmSync(this.host.subnetFile, { force: true });
  }
}

/** A runtime with containers of its own, which it never touches twice at a time. */
async function work(churn: Churn, worker: number, random: (below: number) => number, deadline: number): Promise<void> {
  const containers = Array.from({ length: CONTAINERS_PER_WORKER }, (_, index) => ({
    id: `w${worker}c${index}`,
    netns: undefined as string | undefined,
    result: undefined as JsonObject | undefined,
    lives: 0,
  }));
  while (churn.counts.operations < OPERATIONS && performance.now() < deadline) {
    const container = containers[random(containers.length)];
    assert(container !== undefined);
    const { id } = container;
    container.netns ??= churn.host.addContainer(`${id}-${container.lives++}`);
    churn.setFault(id, random(4) === 0 ? FAILURES[random(FAILURES.length)] : undefined);
    if (random(20) === 0) churn.setSubnetFile(random(2) === 0);
    switch (random(container.result === undefined ? 3 : 6)) {
      case 0:
      case 1: {
        const { ok, ...result } = await churn.call('ADD', id, container.netns);
        churn.setFault(id, undefined);
        if (ok) container.result = result;
        // A runtime that tries again adds without deleting first, another one deletes.
        else if (random(2) === 0 && (await churn.call('DEL', id, container.netns)).ok) container.result = undefined;
        break;
      }
      case 2:
      case 3:
        if ((await churn.call('DEL', id, container.netns)).ok) container.result = undefined;
        break;
      case 4:
        await churn.call('CHECK', id, container.netns, { prevResult: container.result });
        break;
      case 5:
        churn.host.removeContainer(container.netns);
        container.netns = undefined;
        // The runtime notices, sooner or later.
        if (random(2) === 0 && (await churn.call('DEL', id, undefined)).ok) container.result = undefined;
        break;
    }
  }
}

test('after a thousand operations with failures nothing is left', async (t) => {
  const seed = Number(process.env['CNI_SEED'] ?? Date.now() % 1_000_000);
  t.diagnostic(`CNI_SEED=${seed}`);
  const churn = new Churn(new CniHost(t));
  const deadline = performance.now() + TIME_LIMIT_MS;
  await Promise.all(
    Array.from({ length: WORKERS }, (_, worker) => work(churn, worker, randomNumbers(seed + worker), deadline)),
  );

  churn.setSubnetFile(true);
  const ids = Array.from(
    { length: WORKERS * CONTAINERS_PER_WORKER },
    (_, index) => `w${Math.floor(index / CONTAINERS_PER_WORKER)}c${index % CONTAINERS_PER_WORKER}`,
  );
  for (const id of ids) churn.setFault(id, undefined);
  // Half by DEL, as a runtime that knows them; half by GC, as one that has forgotten them.
  for (const id of ids.slice(0, ids.length / 2)) assert((await churn.call('DEL', id, undefined)).ok, id);
  const gc = await churn.call('GC', '', undefined, { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] });
  assert(gc.ok, JSON.stringify(gc));
  for (const container of churn.host.containers()) churn.host.removeContainer(container);

  const { operations, refused } = churn.counts;
  t.diagnostic(`${operations} operations, ${refused} refused`);
  assert(operations > 20 && refused > 0, 'hardly anything was tried');
  await churn.host.settle();
  assert.deepEqual([churn.host.devices(), churn.host.addresses(), churn.host.states()], [[], [], []]);
});
