/** The behaviours of a Kernel that concern sysctls. */
import assert from 'node:assert/strict';
import { type Behaviour, converge, DEVICE, desiredWithPeers, type KernelUnderTest, OWN } from './kernel-under-test.ts';
import type { Ownership } from './ownership.ts';

const ALL = 'net/ipv4/ip_forward';
const OF_DEVICE = `net/ipv4/conf/${DEVICE}/forwarding`;
const ROUTERS = `net/ipv6/conf/${DEVICE}/accept_ra`;

const OWN_SYSCTLS: Ownership = { ...OWN, sysctls: [ALL, OF_DEVICE, ROUTERS] };

function set({ kernel }: KernelUnderTest, name: string, value: string): readonly string[] {
  const { failed } = kernel.apply([{ type: 'sysctl-set', name, value, found: 'unknown' }]);
  return failed.map(({ fault }) => fault.code);
}

function values({ kernel }: KernelUnderTest): Readonly<Record<string, string>> {
  const { sysctls = [] } = kernel.observe(OWN_SYSCTLS);
  return Object.fromEntries(sysctls.map(({ name, value }) => [name, value]));
}

export const SYSCTL_BEHAVIOURS: readonly Behaviour[] = [
  [
    'sysctls are looked at only when they are asked for, and those of a missing device are not there',
    (host) => {
      assert.equal(host.kernel.observe(OWN).sysctls, undefined);
      assert.deepEqual(Object.keys(values(host)), [ALL]);
      converge(host.kernel, desiredWithPeers(0));
      assert.deepEqual(Object.keys(values(host)), [ALL, OF_DEVICE, ROUTERS]);
    },
  ],
  [
    'forwarding for all is forwarding for each, also for a device that is made later; and a new device ignores routers',
    (host) => {
      assert.deepEqual(set(host, ALL, '0'), []);
      converge(host.kernel, desiredWithPeers(0));
      assert.deepEqual(values(host), { [ALL]: '0', [OF_DEVICE]: '0', [ROUTERS]: '0' });
      assert.deepEqual(set(host, ALL, '1'), []);
      assert.deepEqual(values(host), { [ALL]: '1', [OF_DEVICE]: '1', [ROUTERS]: '0' });
      assert.deepEqual(set(host, OF_DEVICE, '0'), []);
      assert.deepEqual(values(host), { [ALL]: '1', [OF_DEVICE]: '0', [ROUTERS]: '0' });
    },
  ],
  [
    'a sysctl that is not there cannot be set, and what follows is done nevertheless',
    (host) => {
      converge(host.kernel, desiredWithPeers(0));
      const { applied, failed } = host.kernel.apply([
        { type: 'sysctl-set', name: 'net/ipv4/conf/nowhere/forwarding', value: '1', found: '0' },
        { type: 'device-set', name: DEVICE, mtu: 1400 },
      ]);
      assert.equal(applied, 1);
      assert.deepEqual(
        failed.map(({ fault }) => fault.code),
        ['kernel.sysctl'],
      );
    },
  ],
  [
    'a listener hears that another program switched forwarding off',
    async (host) => {
      converge(host.kernel, desiredWithPeers(0));
      assert.deepEqual(set(host, ALL, '1'), []);
      host.kernel.observe(OWN_SYSCTLS);
      const heard = Promise.withResolvers<void>();
      const end = host.kernel.watch(
        () => OWN_SYSCTLS,
        () => heard.resolve(),
      );
      const patience = setTimeout(() => heard.reject(new Error('nothing heard')), 5000);
      host.disturb([{ type: 'sysctl-set', name: ALL, value: '0', found: '1' }]);
      await heard.promise;
      clearTimeout(patience);
      end();
      assert.equal(values(host)[ALL], '0');
    },
  ],
];
