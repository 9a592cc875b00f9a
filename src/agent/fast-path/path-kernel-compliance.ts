/** What every PathKernel does: the real one and the one in memory take the same tests. */
import assert from 'node:assert/strict';
import type { PathKernel } from './path-kernel.ts';
import { diffPath, type WantedPath } from './path-state.ts';

/** A host with a tunnel device and two devices that could be Pods' veths. */
export interface PathKernelUnderTest {
  readonly kernel: PathKernel;
  readonly tunnel: number;
  readonly ports: readonly [number, number];
  /** Another program detaches what stands at a device. */
  detachByOther(device: number): void;
  /** A link comes. */
  addLink(): void;
}

type Behaviour = readonly [name: string, run: (host: PathKernelUnderTest) => void | Promise<void>];

const MAC = '02:00:00:00:00:aa';

function wantedOn({ tunnel, ports }: PathKernelUnderTest, count = 2): WantedPath {
  return {
    fabric: { network: { address: 0x0a05_0000, length: 16 }, subnet: { address: 0x0a05_0100, length: 24 }, tunnel },
    endpoints: ports.slice(0, count).map((port, at) => ({
      address: 0x0a05_0102 + at,
      port,
      bridge: 3,
      podMac: MAC,
      bridgeMac: '02:00:00:00:00:01',
    })),
  };
}

function makeSo(host: PathKernelUnderTest, wanted: WantedPath | undefined): void {
  host.kernel.apply(diffPath(wanted, host.kernel.observe()));
}

export const PATH_KERNEL_BEHAVIOURS: readonly Behaviour[] = [
  [
    'before anything is applied there is nothing',
    ({ kernel }) => assert.deepEqual(kernel.observe(), { fabric: undefined, endpoints: [], attached: new Map() }),
  ],
  [
    'what was applied is observed, and a second pass has nothing to do',
    (host) => {
      const wanted = wantedOn(host);
      makeSo(host, wanted);
      const { fabric, endpoints, attached } = host.kernel.observe();
      assert.deepEqual(fabric, wanted.fabric);
      assert.deepEqual(
        [...endpoints].sort((a, b) => a.address - b.address),
        wanted.endpoints,
      );
      assert.equal(attached.get(host.tunnel), 'from_tunnel');
      for (const port of host.ports) assert.equal(attached.get(port), 'from_pod');
      assert.deepEqual(diffPath(wanted, host.kernel.observe()), []);
    },
  ],
  [
    'a Pod that goes takes its entry and its program along, the others stay',
    (host) => {
      makeSo(host, wantedOn(host));
      makeSo(host, wantedOn(host, 1));
      const { endpoints, attached } = host.kernel.observe();
      assert.deepEqual(endpoints, wantedOn(host, 1).endpoints);
      assert.deepEqual([...attached.keys()].sort(), [host.tunnel, host.ports[0]].sort());
    },
  ],
  [
    'what another program detached is seen and put right',
    (host) => {
      const wanted = wantedOn(host);
      makeSo(host, wanted);
      host.detachByOther(host.ports[0]);
      assert.deepEqual(diffPath(wanted, host.kernel.observe()), [
        { type: 'attach', program: 'from_pod', device: host.ports[0] },
      ]);
      makeSo(host, wanted);
      assert.deepEqual(diffPath(wanted, host.kernel.observe()), []);
    },
  ],
  [
    'taken away, nothing stands at any device, and it can come again',
    (host) => {
      makeSo(host, wantedOn(host));
      makeSo(host, undefined);
      const { endpoints, attached } = host.kernel.observe();
      assert.deepEqual([endpoints, attached.size], [[], 0]);
      makeSo(host, wantedOn(host));
      assert.deepEqual(diffPath(wantedOn(host), host.kernel.observe()), []);
    },
  ],
  [
    'the counters begin at nothing',
    (host) => {
      makeSo(host, wantedOn(host));
      assert.deepEqual(Object.values(host.kernel.counters()), [0, 0, 0, 0, 0]);
    },
  ],
  [
    'a link that comes is told, until the watch ends',
    async ({ kernel, addLink }) => {
      let told = 0;
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = kernel.watch(() => {
        told += 1;
        resolve();
      });
      const alive = setTimeout(() => resolve(), 20_000);
      addLink();
      await promise;
      clearTimeout(alive);
      assert(told > 0);
      end();
    },
  ],
];
