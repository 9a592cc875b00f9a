/** weft network and weft lease on an etcd that serves both APIs, held against what etcdctl shows. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { leaseCommand } from '#cli/commands/lease.ts';
import { networkCommand } from '#cli/commands/network.ts';
import { runOperator } from '#cli/main.ts';
import { type TestRun, testContext } from '#cli/test-context.ts';
import { connectEtcd } from '#etcd/client.ts';
import { connectEtcdV2 } from '#etcd/v2-client.ts';
import { temporaryDirectory } from './client-fixture.ts';
import { etcdctl, startV2Cluster } from './v2-fixture.ts';

const NETWORK = '{"Network":"172.30.0.0/16", "SubnetLen": 24, "Backend": {"Type": "vxlan"}}';
const cluster = await startV2Cluster({ after }, 1);
const { endpoints } = cluster;
const directory = await temporaryDirectory({ after });
const file = join(directory, 'net.json');
await writeFile(file, `${NETWORK}\n`);

/** Runs a command line of weft against the cluster. */
async function weft(line: string, prefix: string): Promise<TestRun> {
  const { context, out, notes, finished } = testContext({
    environment: { FLANNELD_ETCD_ENDPOINTS: endpoints.join(','), FLANNELD_ETCD_PREFIX: prefix },
    connectEtcd: async (options) => connectEtcd(options),
    connectEtcdV2: async (options) => connectEtcdV2(options),
  });
  const code = await runOperator(context, line.split(' '), [networkCommand, leaseCommand]);
  return { code: code === 0 ? finished() : code, out: out(), notes: notes() };
}

function record(publicIp: string): string {
  return `{"PublicIP":"${publicIp}","BackendType":"vxlan","BackendData":{"VtepMAC":"12:21:93:9e:b1:eb"}}`;
}

/** What `etcdctl` of that API shows below the prefix. */
async function shown(api: 2 | 3, prefix: string): Promise<Record<string, string>> {
  if (api === 3) {
    const lines = (await etcdctl(3, endpoints, 'get', '--prefix', prefix)).out.trimEnd().split('\n');
    return Object.fromEntries(lines.flatMap((line, at) => (at % 2 === 0 ? [[line, lines[at + 1] ?? '']] : [])));
  }
  const keys = (await etcdctl(2, endpoints, 'ls', '--recursive', '-p', prefix)).out.split('\n');
  const leaves = keys.filter((key) => key !== '' && !key.endsWith('/'));
  return Object.fromEntries(
    await Promise.all(
      leaves.map(async (key) => [key, (await etcdctl(2, endpoints, 'get', key)).out.trimEnd()] as const),
    ),
  );
}

async function makeFleet(prefix: string): Promise<void> {
  const type = async (...words: string[]): Promise<void> =>
    assert.equal((await etcdctl(2, endpoints, ...words)).code, 0);
  await type('mkdir', prefix);
  await type('mk', `${prefix}/config`, NETWORK);
  await type('set', '--ttl', '80000', `${prefix}/subnets/172.30.81.0-24`, record('192.168.80.64'));
  await type('set', '--ttl', '3000', `${prefix}/subnets/172.30.29.0-24`, record('192.168.80.65'));
  await type('set', '--ttl', '0', `${prefix}/subnets/172.30.39.0-24`, record('192.168.80.66'));
}

test('what weft writes in v2 is what etcdctl shows, and mk does not write over it', async () => {
  const prefix = '/set/network';
  const set = await weft(`network set ${file} --etcd-api v2`, prefix);
  assert.equal(set.code, 0, set.notes);
  assert.deepEqual(await shown(2, prefix), { [`${prefix}/config`]: NETWORK });
  assert.equal((await etcdctl(2, endpoints, 'ls', prefix)).out, `${prefix}/config\n`);
  assert.notEqual((await etcdctl(2, endpoints, 'mk', `${prefix}/config`, 'other')).code, 0);
  assert.equal((await weft('network get', prefix)).out, NETWORK);
  assert.equal((await etcdctl(3, endpoints, 'get', '--prefix', prefix)).out, '');
  const reserved = await weft('lease reserve 172.30.7.0/24 --public-ip 192.0.2.7', prefix);
  assert.equal(reserved.code, 0, reserved.notes);
  const key = `${prefix}/subnets/172.30.7.0-24`;
  assert.equal((await etcdctl(2, endpoints, 'get', key)).out, '{"PublicIP":"192.0.2.7","PublicIPv6":null}\n');
  assert.equal((await weft('lease release 172.30.7.0/24 --yes', prefix)).code, 0);
  assert.notEqual((await etcdctl(2, endpoints, 'get', key)).code, 0);
});

test('what was typed as the guides say is what weft shows', async () => {
  const prefix = '/kubernetes/network';
  await makeFleet(prefix);
  assert.equal((await weft('network get', prefix)).out, NETWORK);
  const { out } = await weft('lease list -o wide', prefix);
  assert.match(out, /^172\.30\.29\.0\/24 +192\.168\.80\.65 +- +vxlan +12:21:93:9e:b1:eb +lease +(50m0s|49m\d+s) /m);
  assert.match(out, /^172\.30\.39\.0\/24 +192\.168\.80\.66 .* reservation +- /m);
  assert.match(out, /^172\.30\.81\.0\/24 +192\.168\.80\.64 .* lease +22h\d+m /m);
});

test('a migration copies everything with its remaining time, once, and both etcdctl show the same', async () => {
  const prefix = '/migrate/network';
  await makeFleet(prefix);
  const dry = await weft('network migrate --dry-run', prefix);
  assert.equal(dry.code, 0, dry.notes);
  assert.deepEqual(Object.keys(await shown(3, prefix)), ['']);

  const done = await weft('network migrate', prefix);
  assert.equal(done.code, 0, done.notes);
  assert.deepEqual(await shown(3, prefix), await shown(2, prefix));
  assert.match(
    done.notes,
    /^copied the network configuration and 3 leases from etcd v2 to v3; .* within (50m0s|49m\d+s)/,
  );
  const list = JSON.parse((await weft('lease list -o json --etcd-api v3', prefix)).out);
  const wide = (await weft('lease list -o wide --etcd-api v3', prefix)).out;
  assert.deepEqual(
    list.map((entry: { subnet: string; reservation: boolean }) => [entry.subnet, entry.reservation]),
    [
      ['172.30.29.0/24', false],
      ['172.30.39.0/24', true],
      ['172.30.81.0/24', false],
    ],
  );
  assert.match(wide, /^172\.30\.29\.0\/24 .* lease +(50m0s|49m\d+s) /m);
  assert.match(wide, /^172\.30\.81\.0\/24 .* lease +22h\d+m /m);

  const before = await shown(3, prefix);
  assert.deepEqual(
    [(await weft('network migrate', prefix)).notes, await shown(3, prefix)],
    ['nothing to copy: etcd v3 has it all\n', before],
  );
  const both = await weft('network get', prefix);
  assert.match(both.notes, /this is about v3/);
});

test('a migration that would contradict v3 writes nothing', async () => {
  const prefix = '/contradict/network';
  await makeFleet(prefix);
  const key = `${prefix}/subnets/172.30.81.0-24`;
  await etcdctl(3, endpoints, 'put', key, record('192.168.80.99'));
  const { code, notes } = await weft('network migrate', prefix);
  assert.equal(code, 1);
  assert.match(notes, /172\.30\.81\.0\/24: it is leased to 192\.168\.80\.99 there/);
  assert.deepEqual(await shown(3, prefix), { [key]: record('192.168.80.99') });
});

test('it goes back to v2 as well', async () => {
  const prefix = '/reverse/network';
  await etcdctl(3, endpoints, 'put', `${prefix}/config`, NETWORK);
  const [, lease = ''] = /lease (\w+) granted/.exec((await etcdctl(3, endpoints, 'lease', 'grant', '5000')).out) ?? [];
  await etcdctl(3, endpoints, 'put', `--lease=${lease}`, `${prefix}/subnets/172.30.81.0-24`, record('192.168.80.64'));
  const { code, notes } = await weft('network migrate --reverse', prefix);
  assert.equal(code, 0, notes);
  assert.deepEqual(await shown(2, prefix), await shown(3, prefix));
  const extended = await etcdctl(2, endpoints, '-o', 'extended', 'get', `${prefix}/subnets/172.30.81.0-24`);
  assert.match(extended.out, /^TTL: (4999|4998|5000)$/m);
});

test('a network of a thousand hosts is migrated in seconds', async () => {
  const prefix = '/thousand/network';
  const etcd = connectEtcdV2({ endpoints });
  await etcd.create(`${prefix}/config`, NETWORK.replace('/16', '/8').replace('172.30', '10.0'));
  for (let host = 0; host < 1_000; host++) {
    const subnet = `10.${1 + (host >> 8)}.${host & 255}.0-24`;
    await etcd.create(`${prefix}/subnets/${subnet}`, record(`192.168.${host >> 8}.${host & 255}`), 80_000);
  }
  etcd.close();
  const begunMs = performance.now();
  const { code, notes } = await weft('network migrate --quiet', prefix);
  assert.equal(code, 0, notes);
  assert.ok(performance.now() - begunMs < 10_000, 'it took longer than 10 s');
  assert.equal(JSON.parse((await weft('lease list -o json --etcd-api v3', prefix)).out).length, 1_000);
});
