import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import {
  converge,
  desiredWithPeers,
  KERNEL_BEHAVIOURS,
  type KernelUnderTest,
} from '#agent/kernel/kernel-compliance.ts';
import { NetlinkKernel } from '#agent/kernel/netlink-kernel.ts';

let count = 0;

/** A namespace with one end of a veth pair as eth0. */
function namespaceHost(): KernelUnderTest & { readonly name: string } {
  count += 1;
  const name = `weft-test-${process.pid}-${count}`;
  execFileSync('ip', ['netns', 'add', name]);
  const setup = [
    'link add eth0 mtu 1500 type veth peer name eth0p',
    'link set lo up',
    'link set eth0p up',
    'link set eth0 up',
    'address add 192.0.2.1/24 dev eth0',
  ];
  try {
    execFileSync('ip', ['-n', name, '-batch', '-'], { input: setup.join('\n') });
    const kernel = new NetlinkKernel(`/run/netns/${name}`);
    const other = new NetlinkKernel(`/run/netns/${name}`);
    return {
      name,
      kernel,
      disturb(operations) {
        const { failed } = other.apply(operations);
        assert.deepEqual(failed, []);
      },
      close() {
        kernel.close();
        other.close();
        execFileSync('ip', ['netns', 'delete', name]);
      },
    };
  } catch (error) {
    execFileSync('ip', ['netns', 'delete', name]);
    throw error;
  }
}

for (const [name, run] of KERNEL_BEHAVIOURS) {
  test(`in the kernel: ${name}`, async () => {
    const host = namespaceHost();
    try {
      await run(host);
    } finally {
      host.close();
    }
  });
}

test("the kernel's state reads as the recorded dumps of flannel do", () => {
  const host = namespaceHost();
  try {
    converge(host.kernel, desiredWithPeers(2));
    const run = (command: string, ...words: string[]): string[] =>
      execFileSync(command, ['-n', host.name, ...words], { encoding: 'utf8' })
        .replace(/\n$/, '')
        .split('\n');
    assert.deepEqual(run('ip', 'route', 'show', 'dev', 'flannel.1'), [
      '10.244.1.0/24 via 10.244.1.0 onlink ',
      '10.244.2.0/24 via 10.244.2.0 onlink ',
    ]);
    assert.deepEqual(
      run('ip', '-d', 'route', 'show', 'dev', 'flannel.1')[0],
      'unicast 10.244.1.0/24 via 10.244.1.0 proto boot scope global onlink ',
    );
    assert.deepEqual(run('bridge', 'fdb', 'show', 'dev', 'flannel.1').sort(), [
      '02:11:00:00:00:00 dst 198.51.100.1 self permanent',
      '02:11:00:00:00:01 dst 198.51.100.2 self permanent',
    ]);
    assert.deepEqual(run('ip', 'neigh', 'show', 'dev', 'flannel.1').sort(), [
      '10.244.1.0 lladdr 02:11:00:00:00:00 PERMANENT ',
      '10.244.2.0 lladdr 02:11:00:00:00:01 PERMANENT ',
    ]);
    const link = run('ip', '-d', 'link', 'show', 'flannel.1').map((line) => line.trim());
    assert.match(
      link[0] ?? '',
      /^\d+: flannel\.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN mode DEFAULT group default$/,
    );
    assert.match(
      link[1] ?? '',
      /^link\/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0 +allmulti 0 minmtu 68 maxmtu 65535/,
    );
    assert.match(
      link[2] ?? '',
      /^vxlan id 1 local 192\.0\.2\.1 dev eth0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300 udpcsum noudp6zerocsumtx noudp6zerocsumrx addrgenmode eui64/,
    );
    assert.match(
      run('ip', '-4', 'address', 'show', 'flannel.1').join('\n'),
      /inet 10\.244\.0\.0\/32 scope global flannel\.1/,
    );
  } finally {
    host.close();
  }
});
