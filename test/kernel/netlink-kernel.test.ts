import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { KERNEL_BEHAVIOURS } from '#agent/kernel/kernel-compliance.ts';
import { address, cidr, converge, desiredWithPeers, type KernelUnderTest } from '#agent/kernel/kernel-under-test.ts';
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
    'address add fd00:77::1/64 dev eth0 nodad',
  ];
  try {
    execFileSync('ip', ['-n', name, '-batch', '-'], { input: setup.join('\n') });
    const kernel = new NetlinkKernel(`/run/netns/${name}`);
    const other = new NetlinkKernel(`/run/netns/${name}`);
    const ip = (...words: readonly string[]): void => void execFileSync('ip', ['-n', name, ...words]);
    return {
      name,
      kernel,
      disturb(operations) {
        const { failed } = other.apply(operations);
        assert.deepEqual(failed, []);
      },
      addForeignRoute(destination, gateway) {
        ip('route', 'add', destination, 'via', gateway, 'dev', 'eth0', 'proto', 'static');
      },
      addForeignNexthop(id) {
        ip('nexthop', 'add', 'id', String(id), 'via', '192.0.2.254', 'dev', 'eth0');
      },
      readdress(text) {
        ip('address', 'delete', '192.0.2.1/24', 'dev', 'eth0');
        ip('address', 'add', text, 'dev', 'eth0');
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

test('the IPIP device looks to ip as the one that flannel makes, or its absence is a Fault with the remedy', (context) => {
  const host = namespaceHost();
  try {
    const device = { kind: 'ipip', name: 'flannel.ipip', mtu: 1480, local: address('192.0.2.1') } as const;
    const { failed } = host.kernel.apply([{ type: 'device-add', device }]);
    if (failed[0]?.fault.code === 'kernel.device-kind') {
      assert.match(failed[0].fault.remedy, /modprobe ipip/);
      context.diagnostic('this kernel has no ipip: only its refusal was tested');
      return;
    }
    assert.deepEqual(failed, []);
    const own = {
      devices: [device.name],
      underlay: 'eth0',
      underlayRoutes: 'ours' as const,
      networks: [{ network: cidr('10.244.0.0/16'), subnetLength: 24 }],
      blackholes: false,
      hostRoutes: false,
    };
    const route = { type: 'onlink', device: device.name, destination: cidr('10.244.1.0/24') } as const;
    const routes = [{ ...route, gateway: address('192.0.2.11') }];
    converge(host.kernel, { devices: [device], addresses: [], neighbors: [], fdb: [], routes }, own);
    const shown = execFileSync('ip', ['-n', host.name, '-d', 'link', 'show', device.name], { encoding: 'utf8' });
    assert.match(shown, /ipip (ipip )?remote any local 192\.0\.2\.1 ttl inherit nopmtudisc/);
  } finally {
    host.close();
  }
});

test('a device of ours does not listen to router advertisements', () => {
  const host = namespaceHost();
  try {
    converge(host.kernel, desiredWithPeers(0));
    const path = '/proc/sys/net/ipv6/conf/flannel.1/accept_ra';
    assert.equal(execFileSync('ip', ['netns', 'exec', host.name, 'cat', path], { encoding: 'utf8' }), '0\n');
  } finally {
    host.close();
  }
});
