/** The guides' fleets, as they are shipped: what they resolve to is what the guides say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { formatIp } from '#model/ip.ts';
import type { Inventory } from './inventory.ts';
import { parseInventory } from './parse-inventory.ts';

function example(name: string): Inventory {
  const parsed = parseInventory(readFileSync(join(import.meta.dirname, `../../docs/examples/${name}.yaml`), 'utf8'));
  assert('inventory' in parsed, JSON.stringify(parsed));
  assert.deepEqual(parsed.warnings, []);
  return parsed.inventory;
}

function namesWith({ hosts }: Inventory, role: Inventory['hosts'][number]['roles'][number]): readonly string[] {
  return hosts.filter(({ roles }) => roles.includes(role)).map(({ name }) => name);
}

suite('the example of guide 003', () => {
  const fleet = example('guide-003');

  test('has its eight hosts with their roles', () => {
    const masters = ['k8s-master01', 'k8s-master02', 'k8s-master03'];
    assert.deepEqual(namesWith(fleet, 'master'), masters);
    assert.deepEqual(namesWith(fleet, 'kubectl'), masters);
    assert.deepEqual(namesWith(fleet, 'agent'), [...masters, 'k8s-node01', 'k8s-node02', 'k8s-node03']);
    assert.deepEqual(
      fleet.hosts.map(({ address }) => formatIp(address)),
      [241, 242, 243, 244, 245, 246, 247, 248].map((last) => `172.16.60.${last}`),
    );
    assert.deepEqual(fleet.hosts[0]?.ssh, {
      destination: '172.16.60.241',
      user: 'root',
      port: 22,
      connectTimeoutSeconds: 10,
    });
    assert.equal(fleet.hosts[0]?.interface, 'ens192');
  });

  test('has the ETCD_NODES and ETCD_ENDPOINTS of its environment script', () => {
    assert.equal(
      fleet.etcd.members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(),
      'k8s-etcd01=https://172.16.60.241:2380,k8s-etcd02=https://172.16.60.242:2380,k8s-etcd03=https://172.16.60.243:2380',
    );
    assert.equal(
      fleet.etcd.endpoints.join(),
      'https://172.16.60.241:2379,https://172.16.60.242:2379,https://172.16.60.243:2379',
    );
    assert.equal(fleet.etcd.enableV2, true);
    const { heartbeatIntervalMs, electionTimeoutMs, quotaBackendBytes, maxRequestBytes } = fleet.etcd;
    assert.deepEqual(
      [heartbeatIntervalMs, electionTimeoutMs, quotaBackendBytes, maxRequestBytes],
      [250, 2000, 6_442_450_944, 33_554_432],
    );
  });

  test('has its network document, prefix and Kubernetes addresses', () => {
    assert.equal(fleet.network.document, '{"Network":"172.30.0.0/16","SubnetLen":21,"Backend":{"Type":"vxlan"}}');
    assert.equal(fleet.network.prefix, '/kubernetes/network');
    assert.equal(fleet.kubernetes.apiServer, 'https://172.16.60.250:8443');
    assert.equal(formatIp(fleet.kubernetes.serviceAddress), '10.254.0.1');
    assert.equal(formatIp(fleet.kubernetes.dnsAddress), '10.254.0.2');
    assert.deepEqual(fleet.kubernetes.nodePorts, { first: 30_000, last: 32_767 });
    assert.deepEqual(fleet.kubernetes.bootstrapToken, { from: 'file', path: 'secrets/bootstrap-token' });
  });

  test('has its paths', () => {
    const { paths } = fleet.hosts[0] ?? assert.fail();
    assert.deepEqual(
      [paths.binaries, paths.work, paths.environmentScript, paths.units, paths.caCertificates, paths.etcdCertificates],
      [
        '/opt/k8s/bin',
        '/opt/k8s/work',
        '/opt/k8s/bin/environment.sh',
        '/etc/systemd/system',
        '/etc/kubernetes/cert',
        '/etc/etcd/cert',
      ],
    );
    assert.deepEqual(
      [
        paths.agentCertificates,
        paths.etcdData,
        paths.etcdWal,
        paths.kubernetesData,
        paths.dockerData,
        paths.proxyPrefix,
      ],
      [
        '/etc/flanneld/cert',
        '/data/k8s/etcd/data',
        '/data/k8s/etcd/wal',
        '/data/k8s/k8s',
        '/data/k8s/docker',
        '/opt/k8s/kube-nginx',
      ],
    );
    assert.equal(paths.proxyProgram, '/opt/k8s/kube-nginx/sbin/kube-nginx');
    assert.equal(paths.proxyCheck, '/opt/chk_nginx.sh');
    assert.equal(paths.journald, '/etc/systemd/journald.conf.d/99-prophet.conf');
  });

  test('has its load balancers in their order, in front of the masters', () => {
    const { loadBalancer } = fleet;
    assert(loadBalancer);
    assert.deepEqual(
      loadBalancer.balancers.map(({ host, priority }) => [host.name, priority]),
      [
        ['k8s-ha01', 101],
        ['k8s-ha02', 99],
      ],
    );
    assert.deepEqual(
      loadBalancer.backends.map(({ address, port }) => `${formatIp(address)}:${port}`),
      ['172.16.60.241:6443', '172.16.60.242:6443', '172.16.60.243:6443'],
    );
    assert.equal(loadBalancer.peers, 'multicast');
  });

  test('has its sysctls, every one', () => {
    assert.deepEqual(fleet.system.sysctl, {
      'net.bridge.bridge-nf-call-iptables': '1',
      'net.bridge.bridge-nf-call-ip6tables': '1',
      'net.ipv4.ip_forward': '1',
      'net.ipv4.tcp_tw_recycle': '0',
      'vm.swappiness': '0',
      'vm.overcommit_memory': '1',
      'vm.panic_on_oom': '0',
      'fs.inotify.max_user_instances': '8192',
      'fs.inotify.max_user_watches': '1048576',
      'fs.file-max': '52706963',
      'fs.nr_open': '52706963',
      'net.ipv6.conf.all.disable_ipv6': '1',
      'net.netfilter.nf_conntrack_max': '2310720',
    });
  });
});

suite('the example of guide 000', () => {
  const fleet = example('guide-000');

  test('has agents on its nodes alone', () => {
    assert.deepEqual(namesWith(fleet, 'agent'), ['node01', 'node02', 'node03', 'node04']);
    assert.equal(
      fleet.etcd.members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(),
      'master01=https://192.168.80.61:2380,master02=https://192.168.80.62:2380,master03=https://192.168.80.63:2380',
    );
  });

  test('has its network document, paths and sysctls', () => {
    assert.equal(fleet.network.document, '{"Network":"172.30.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan"}}');
    const { paths } = fleet.hosts[0] ?? assert.fail();
    assert.deepEqual(
      [paths.binaries, paths.units, paths.environmentScript, paths.profile, paths.etcdData, paths.work],
      [
        '/usr/local/bin',
        '/usr/lib/systemd/system',
        '/etc/kubernetes/environment.sh',
        '/root/.bash_profile',
        '/opt/etcd',
        '/root/cert',
      ],
    );
    assert.notEqual(fleet.system.sysctl, false);
    assert.equal(Object(fleet.system.sysctl)['fs.inotify.max_user_watches'], '89100');
  });

  test('signs as its certificate requests say', () => {
    assert.deepEqual(fleet.certificates.organizations, {
      admin: 'system:masters',
      etcd: 'system:masters',
      agent: 'pingan',
    });
    assert.equal(fleet.certificates.subject.locality, 'ShenZheng');
  });
});
