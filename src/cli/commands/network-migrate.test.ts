import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { TestOperator } from '#cli/test-context.ts';
import { leaseCommand } from './lease.ts';
import { networkCommand } from './network.ts';

const PREFIX = '/coreos.com/network';
const DOCUMENT = '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}';

function record(publicIp: string, mac = '8a:1b:af:8c:b2:78'): string {
  return `{"PublicIP":"${publicIp}","BackendType":"vxlan","BackendData":{"VtepMAC":"${mac}"}}`;
}

/** A fleet of flannel 0.11: two leases, a reservation, and something that is none. */
function fleet(): TestOperator {
  const operator = new TestOperator([networkCommand, leaseCommand]);
  const { etcdV2 } = operator;
  etcdV2.putRaw(`${PREFIX}/config`, DOCUMENT);
  etcdV2.putRaw(`${PREFIX}/subnets/10.5.3.0-24`, record('192.0.2.1'), etcdV2.grant(86_000).id);
  etcdV2.putRaw(`${PREFIX}/subnets/10.5.20.0-24`, record('192.0.2.2'), etcdV2.grant(3_600).id);
  etcdV2.putRaw(`${PREFIX}/subnets/10.5.100.0-24`, record('192.0.2.3'));
  etcdV2.putRaw(`${PREFIX}/subnets/loom`, 'x');
  return operator;
}

/** Keys with values and seconds left, as they are in v3. */
function inV3({ etcd }: TestOperator): Record<string, readonly [string, number]> {
  const { kvs } = etcd.keyspace.range({ key: '/', rangeEnd: '0' });
  return Object.fromEntries(
    kvs.map(({ key, value, lease }) => [key.slice(PREFIX.length), [value, etcd.timeToLive(lease).ttlSeconds]]),
  );
}

suite('network migrate', () => {
  test('document and leases are copied as they are, with the time that they have left', async () => {
    const operator = fleet();
    const { code, out, notes } = await operator.run('network migrate');
    assert.equal(code, 0, notes);
    assert.deepEqual(inV3(operator), {
      '/config': [DOCUMENT, -1],
      '/subnets/10.5.3.0-24': [record('192.0.2.1'), 86_000],
      '/subnets/10.5.20.0-24': [record('192.0.2.2'), 3_600],
      '/subnets/10.5.100.0-24': [record('192.0.2.3'), -1],
    });
    assert.match(out, /^skip +loom .*not the name of a subnet/m);
    assert.match(notes, /^copied the network configuration and 3 leases from etcd v2 to v3; .* within 1h0m/);
  });

  test('a dry run writes nothing and shows the same', async () => {
    const operator = fleet();
    const before = operator.etcd.keyspace.revision;
    const dry = await operator.run('network migrate --dry-run');
    assert.equal(dry.code, 0);
    assert.match(dry.notes, /^would copy the network configuration and 3 leases/);
    assert.equal(operator.etcd.keyspace.revision, before);
    assert.equal((await operator.run('network migrate')).out, dry.out);
    assert.match(dry.out, /^copy +10\.5\.20\.0\/24 +192\.0\.2\.2 +1h0m /m);
    assert.match(dry.out, /^copy +10\.5\.100\.0\/24 +192\.0\.2\.3 +none /m);
  });

  test('again there is nothing to copy', async () => {
    const operator = fleet();
    await operator.run('network migrate');
    const before = operator.etcd.keyspace.revision;
    const { code, notes } = await operator.run('network migrate');
    assert.deepEqual([code, notes], [0, 'nothing to copy: etcd v3 has it all\n']);
    assert.equal(operator.etcd.keyspace.revision, before);
  });

  test('the document comes last, so that who waits for it finds the leases', async () => {
    const operator = fleet();
    await operator.run('network migrate');
    const { kvs } = operator.etcd.keyspace.range({ key: '/', rangeEnd: '0' });
    const last = kvs.toSorted((a, b) => b.modRevision - a.modRevision)[0];
    assert.equal(last?.key, `${PREFIX}/config`);
  });

  test('a host that has moved by itself keeps what it wrote there', async () => {
    const operator = fleet();
    const newer = record('192.0.2.1', '8a:1b:af:8c:b2:99');
    operator.etcd.putRaw(`${PREFIX}/subnets/10.5.3.0-24`, newer);
    const { code, out } = await operator.run('network migrate');
    assert.equal(code, 0);
    assert.match(out, /^there +10\.5\.3\.0\/24 .*has written it there itself/m);
    assert.equal(inV3(operator)['/subnets/10.5.3.0-24']?.[0], newer);
  });

  for (const [sentence, key, value, reason] of [
    [
      'another document',
      'config',
      DOCUMENT.replace('10.5.', '10.6.'),
      /network configuration: another one is in force/,
    ],
    ['a subnet leased to another host', 'subnets/10.5.3.0-24', record('192.0.2.9'), /leased to 192\.0\.2\.9 there/],
    ['a record that is no lease', 'subnets/10.5.3.0-24', 'junk', /its key there is unusable/],
    ['an overlapping subnet', 'subnets/10.5.3.128-25', record('192.0.2.9'), /overlaps 10\.5\.3\.128\/25/],
    ['another lease of the same host', 'subnets/10.5.9.0-24', record('192.0.2.1'), /public address has 2 leases/],
  ] as const) {
    test(`${sentence} on the other side stops all of it, with the reason`, async () => {
      const operator = fleet();
      operator.etcd.putRaw(`${PREFIX}/${key}`, value);
      const before = operator.etcd.keyspace.revision;
      for (const line of ['network migrate', 'network migrate --dry-run']) {
        const { code, out, notes } = await operator.run(line);
        assert.equal(code, 1);
        assert.match(notes, /network\.contradiction/);
        assert.match(notes, reason);
        assert.match(out, /^refuse /m);
        assert.equal(operator.etcd.keyspace.revision, before);
      }
    });
  }

  test('conflicts that the fleet has already are no reason to stay', async () => {
    const operator = fleet();
    operator.etcdV2.putRaw(`${PREFIX}/subnets/10.5.9.0-24`, record('192.0.2.1'));
    assert.equal((await operator.run('network migrate')).code, 0);
  });

  test('a document that no agent would take is not copied', async () => {
    const operator = fleet();
    operator.etcdV2.putRaw(`${PREFIX}/config`, '{"Network":"10.5.0.0/16","SubnetLen":31}');
    const { code, notes } = await operator.run('network migrate');
    assert.equal(code, 1);
    assert.match(notes, /network configuration: it is not valid: .*SubnetLen/);
  });

  test('without a network on v2 the prefix is doubted', async () => {
    const { code, notes } = await new TestOperator([networkCommand]).run('network migrate');
    assert.equal(code, 1);
    assert.match(notes, /there is no network configuration in etcd v2[\s\S]*check --etcd-prefix/);
  });

  test('what somebody else writes meanwhile is not written over, and the document stays behind', async () => {
    const operator = fleet();
    operator.beforeTxn = () => operator.etcd.putRaw(`${PREFIX}/subnets/10.5.3.0-24`, record('192.0.2.9'));
    const { code, notes } = await operator.run('network migrate');
    assert.equal(code, 1);
    assert.match(notes, /network\.changed/);
    assert.equal(inV3(operator)['/subnets/10.5.3.0-24']?.[0], record('192.0.2.9'));
    assert.equal(inV3(operator)['/config'], undefined);
  });

  test('it goes the other way too', async () => {
    const operator = fleet();
    await operator.run('network migrate');
    operator.etcdV2.deleteRaw(`${PREFIX}/config`);
    operator.etcdV2.deleteRaw(`${PREFIX}/subnets/10.5.20.0-24`);
    const { code, notes } = await operator.run('network migrate --reverse');
    assert.equal(code, 0);
    assert.match(notes, /^copied the network configuration and 1 lease from etcd v3 to v2/);
    const { kvs } = operator.etcdV2.keyspace.range({ key: `${PREFIX}/subnets/10.5.20.0-24` });
    assert.equal(operator.etcdV2.timeToLive(kvs[0]?.lease ?? 0n).ttlSeconds, 3_600);
  });

  test('a program reads the plan as JSON', async () => {
    const steps = JSON.parse((await fleet().run('network migrate --dry-run -o json')).out);
    assert.deepEqual(steps.at(-1), { action: 'copy', key: `${PREFIX}/config`, what: 'network configuration' });
  });
});

suite('commands on v2', () => {
  test('what is in v2 is found without a flag', async () => {
    const operator = fleet();
    assert.equal((await operator.run('network get')).out, DOCUMENT);
    const { out } = await operator.run('lease list -o wide');
    assert.match(out, /^10\.5\.20\.0\/24 +192\.0\.2\.2 .* lease +1h0m /m);
    assert.match(out, /^10\.5\.100\.0\/24 .* reservation +- /m);
    assert.match(out, /^loom .*unusable/m);
  });

  test('when both sides have a network it is v3, and that is said', async () => {
    const operator = fleet();
    operator.etcd.putRaw(`${PREFIX}/config`, 'three');
    const { out, notes } = await operator.run('network get');
    assert.equal(out, 'three');
    assert.match(notes, /both hold a network here; this is about v3 \(--etcd-api v2 for the other\)/);
    assert.equal((await operator.run('network get --etcd-api v2')).out, DOCUMENT);
    assert.equal((await operator.run('network get --etcd-api v2')).notes, '');
  });

  test('a first document goes to v3 unless v2 is asked for', async () => {
    const operator = new TestOperator([networkCommand]);
    operator.input = DOCUMENT;
    const { notes } = await operator.run('network set - --etcd-api v2');
    assert.match(notes, /^written \(\/coreos\.com\/network\/config in etcd v2 at revision \d+\)\n$/);
    assert.equal((await operator.run('network set -')).notes, 'unchanged\n');
    assert.deepEqual(inV3(operator), {});
    const other = new TestOperator([networkCommand]);
    other.input = DOCUMENT;
    await other.run('network set -');
    assert.equal(inV3(other)['/config']?.[0], DOCUMENT);
  });

  test('a document in force is replaced only when asked for', async () => {
    const operator = fleet();
    operator.input = DOCUMENT.replace('vxlan"', 'vxlan","VNI":9');
    assert.match((await operator.run('network set -')).notes, /config in etcd v2[\s\S]*network\.exists/);
    assert.equal((await operator.run('network set - --replace')).code, 0);
    assert.equal((await operator.run('network get')).out, operator.input);
  });

  test('a lease is reserved, shown and released', async () => {
    const operator = fleet();
    assert.equal((await operator.run('lease reserve 10.5.20.0/24 --public-ip 192.0.2.2')).code, 0);
    assert.match((await operator.run('lease show 10.5.20.0/24')).out, /^reservation +true$/m);
    assert.match(
      (await operator.run('lease reserve 10.5.3.0/24 --public-ip 192.0.2.9')).notes,
      /leased by 192\.0\.2\.1/,
    );
    assert.equal((await operator.run('lease release 10.5.20.0/24 --yes')).code, 0);
    assert.equal((await operator.run('lease show 10.5.20.0/24')).code, 1);
  });
});
