import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { formatHostRecord, hostMarkOf } from '#agent/leases/host-record.ts';
import { TestOperator } from '#cli/test-context.ts';
import { leaseCommand } from './lease.ts';

const PREFIX = '/coreos.com/network';

function record(publicIp: string, mac = '8a:1b:af:8c:b2:78'): string {
  return `{"PublicIP":"${publicIp}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${mac}"}}`;
}

/** Two hosts with leases of a day, one reservation. */
function fleet(): TestOperator {
  const operator = new TestOperator([leaseCommand]);
  const { etcd } = operator;
  etcd.putRaw(`${PREFIX}/config`, '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}');
  etcd.putRaw(`${PREFIX}/subnets/10.5.20.0-24`, record('192.0.2.2'), etcd.grant(86_400).id);
  etcd.putRaw(`${PREFIX}/subnets/10.5.3.0-24`, record('192.0.2.1', '8a:1b:af:8c:b2:01'), etcd.grant(86_400).id);
  etcd.putRaw(`${PREFIX}/subnets/10.5.100.0-24`, '{"PublicIP":"192.0.2.3"}');
  return operator;
}

async function stored(operator: TestOperator, name: string): Promise<{ value: string; lease: bigint } | undefined> {
  const { kvs } = await operator.etcd.connect().range({ key: `${PREFIX}/subnets/${name}` });
  return kvs[0] && { value: kvs[0].value, lease: kvs[0].lease };
}

suite('lease list', () => {
  test('leases and reservations are listed by subnet', async () => {
    assert.equal(
      (await fleet().run('lease list')).out,
      `SUBNET         PUBLIC IP  BACKEND  MAC                KIND         PROBLEMS
10.5.3.0/24    192.0.2.1  vxlan    8a:1b:af:8c:b2:01  lease        -
10.5.20.0/24   192.0.2.2  vxlan    8a:1b:af:8c:b2:78  lease        -
10.5.100.0/24  192.0.2.3  -        -                  reservation  -
`,
    );
  });

  test('the time left is shown when asked for', async () => {
    const operator = fleet();
    assert.match((await operator.run('lease list -o wide')).out, /10\.5\.3\.0\/24 .* lease +24h0m +/);
  });

  test('the host is named where it says which it is, and only when asked for', async () => {
    const operator = fleet();
    const { etcd } = operator;
    etcd.putRaw(`${PREFIX}/hosts/192.0.2.1`, formatHostRecord(hostMarkOf('m', 'b', 'node-1')));
    etcd.putRaw(`${PREFIX}/hosts/192.0.2.2`, 'junk');
    const { out } = await operator.run('lease list -o wide');
    assert.match(out, /^SUBNET +PUBLIC IP +HOST /);
    assert.match(out, /10\.5\.3\.0\/24 +192\.0\.2\.1 +node-1 /);
    assert.match(out, /10\.5\.20\.0\/24 +192\.0\.2\.2 +- /);
    assert.doesNotMatch((await operator.run('lease list')).out, /node-1/);
    assert.match((await operator.run('lease show 10.5.3.0/24 -o json')).out, /"hostName": "node-1"/);
  });

  test('what is wrong with a record is said beside it', async () => {
    const operator = fleet();
    operator.etcd.putRaw(`${PREFIX}/subnets/10.5.4.0-24`, '{"PublicIP":7}');
    operator.etcd.putRaw(`${PREFIX}/subnets/loom`, 'x');
    operator.etcd.putRaw(`${PREFIX}/subnets/10.5.20.128-25`, record('192.0.2.9'));
    operator.etcd.putRaw(`${PREFIX}/subnets/10.5.30.0-24`, record('192.0.2.1'));
    operator.etcd.putRaw(`${PREFIX}/subnets/10.7.0.0-24`, record('192.0.2.8'));
    const { out, code } = await operator.run('lease list -o json');
    assert.equal(code, 0);
    const problems = Object.fromEntries(
      JSON.parse(out).map((entry: { key: string; problems: string[] }) => [
        entry.key.split('/').at(-1),
        entry.problems.join('; '),
      ]),
    );
    assert.match(problems['10.5.4.0-24'], /PublicIP is not an IPv4 address/);
    assert.match(problems.loom, /not the name of a subnet/);
    assert.match(problems['10.5.20.128-25'], /it is a \/25.*overlaps 10\.5\.20\.0\/24/);
    assert.match(problems['10.5.20.0-24'], /^overlaps 10\.5\.20\.128\/25$/);
    assert.match(problems['10.5.30.0-24'], /^its public address has 2 leases$/);
    assert.match(problems['10.7.0.0-24'], /outside SubnetMin/);
    assert.equal(problems['10.5.100.0-24'], '');
  });

  test('an empty network has no leases', async () => {
    assert.equal((await new TestOperator([leaseCommand]).run('lease list')).out, 'no leases\n');
    assert.equal((await new TestOperator([leaseCommand]).run('lease list -o json')).out, '[]\n');
  });

  test('ten thousand leases are listed in the time of one', async () => {
    const operator = new TestOperator([leaseCommand]);
    for (let host = 0; host < 10_000; host++) {
      operator.etcd.putRaw(
        `${PREFIX}/subnets/10.${host >> 8}.${host & 255}.0-24`,
        record(`192.168.${host >> 8}.${host & 255}`),
      );
    }
    const startedMs = performance.now();
    const { out } = await operator.run('lease list');
    assert.equal(out.split('\n').length, 10_002);
    assert(performance.now() - startedMs < 3000, 'it took longer than 3 s');
  });
});

suite('lease show', () => {
  test('one lease is shown field by field, by either name of the subnet', async () => {
    const operator = fleet();
    const { out } = await operator.run('lease show 10.5.3.0/24');
    assert.match(out, /^FIELD +VALUE\nkey +\/coreos\.com\/network\/subnets\/10\.5\.3\.0-24\nsubnet +10\.5\.3\.0\/24\n/);
    assert.match(out, /ttlSeconds +86400\n/);
    assert.equal((await operator.run('lease show 10.5.3.0-24')).out, out);
  });

  test('a subnet that nobody holds, and a text that is none', async () => {
    assert.equal((await fleet().run('lease show 10.5.9.0/24')).code, 1);
    const { code, notes } = await fleet().run('lease show 10.5.9.0');
    assert.equal(code, 2);
    assert.match(notes, /write it as 10\.5\.1\.0\/24/);
  });
});

suite('lease reserve', () => {
  test('a free subnet is given to a host, without time to live', async () => {
    const operator = fleet();
    const { code, notes } = await operator.run('lease reserve 10.5.7.0/24 --public-ip 192.0.2.7');
    assert.deepEqual([code, notes], [0, 'reserved 10.5.7.0/24 for 192.0.2.7\n']);
    assert.deepEqual(await stored(operator, '10.5.7.0-24'), {
      value: '{"PublicIP":"192.0.2.7","PublicIPv6":null}',
      lease: 0n,
    });
  });

  test('the lease that the host holds becomes permanent, and stays as it is otherwise', async () => {
    const operator = fleet();
    assert.equal((await operator.run('lease reserve 10.5.20.0/24 --public-ip 192.0.2.2')).code, 0);
    assert.deepEqual(await stored(operator, '10.5.20.0-24'), { value: record('192.0.2.2'), lease: 0n });
    assert.match((await operator.run('lease reserve 10.5.20.0/24 --public-ip 192.0.2.2')).notes, /^unchanged/);
  });

  test("another host's lease is not taken", async () => {
    const operator = fleet();
    const { code, notes } = await operator.run('lease reserve 10.5.20.0/24 --public-ip 192.0.2.7');
    assert.equal(code, 1);
    assert.match(notes, /10\.5\.20\.0\/24 is leased by 192\.0\.2\.2/);
    assert.equal((await stored(operator, '10.5.20.0-24'))?.value, record('192.0.2.2'));
  });

  test('a host that holds another subnet is told so', async () => {
    const { notes } = await fleet().run('lease reserve 10.5.7.0/24 --public-ip 192.0.2.1');
    assert.match(notes, /that host holds 10\.5\.3\.0\/24 until it is released/);
  });

  test('a subnet that is not one of the network is refused', async () => {
    for (const subnet of ['10.6.1.0/24', '10.5.7.0/25', '10.5.0.0/24']) {
      const { code, notes } = await fleet().run(`lease reserve ${subnet} --public-ip 192.0.2.7`);
      assert.equal(code, 1, subnet);
      assert.match(notes, /lease\.misfit/);
    }
  });

  test('an address that is none, or none at all, is wrong usage', async () => {
    assert.equal((await fleet().run('lease reserve 10.5.7.0/24 --public-ip 192.0.2.777')).code, 2);
    assert.equal((await fleet().run('lease reserve 10.5.7.0/24')).code, 2);
  });
});

suite('lease release', () => {
  test('after a yes the key is deleted', async () => {
    const operator = fleet();
    operator.answer = 'y';
    const { code, notes } = await operator.run('lease release 10.5.20.0/24');
    assert.equal(code, 0);
    assert.match(notes, /^Release 10\.5\.20\.0\/24, held by 192\.0\.2\.2\?.*\nreleased|released 10\.5\.20\.0\/24/);
    assert.equal(await stored(operator, '10.5.20.0-24'), undefined);
  });

  test('after anything else, or with nobody there, it stays', async () => {
    const operator = fleet();
    operator.answer = 'what?';
    assert.equal((await operator.run('lease release 10.5.20.0/24')).code, 1);
    operator.answer = undefined;
    const { code, notes } = await operator.run('lease release 10.5.20.0/24');
    assert.equal(code, 2);
    assert.match(notes, /give --yes/);
    assert.notEqual(await stored(operator, '10.5.20.0-24'), undefined);
  });

  test('a lease that was renewed meanwhile is not deleted', async () => {
    const operator = fleet();
    operator.beforeTxn = () => operator.etcd.putRaw(`${PREFIX}/subnets/10.5.20.0-24`, record('192.0.2.99'));
    const { code, notes } = await operator.run('lease release 10.5.20.0/24 --yes');
    assert.equal(code, 1);
    assert.match(notes, /lease\.changed/);
    assert.equal((await stored(operator, '10.5.20.0-24'))?.value, record('192.0.2.99'));
  });

  test('the key of the host goes with its lease, those of others stay', async () => {
    const operator = fleet();
    const { etcd } = operator;
    for (const host of ['192.0.2.2', '192.0.2.3']) etcd.putRaw(`${PREFIX}/hosts/${host}`, 'whatever it is');
    assert.equal((await operator.run('lease release 10.5.100.0/24 --yes')).code, 0);
    const { kvs } = await etcd.connect().range({ key: `${PREFIX}/hosts/`, rangeEnd: `${PREFIX}/hosts0` });
    assert.deepEqual(
      kvs.map(({ key }) => key),
      [`${PREFIX}/hosts/192.0.2.2`],
    );
  });

  test('an unusable record can be released too', async () => {
    const operator = fleet();
    operator.etcd.putRaw(`${PREFIX}/subnets/10.5.4.0-24`, 'rubbish');
    assert.equal((await operator.run('lease release 10.5.4.0/24 --yes')).code, 0);
  });

  test('what nobody holds cannot be released', async () => {
    assert.equal((await fleet().run('lease release 10.5.8.0/24 --yes')).code, 1);
  });
});
