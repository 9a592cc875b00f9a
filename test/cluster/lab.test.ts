/** A whole lab, as a person uses it: up, look, break, mend, down. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { LAB_PREFIX, LAB_ROOT } from '#lab/plan.ts';
import type { LabSnapshot } from '#lab/snapshot.ts';
import { runCommand } from '#runtime/command.ts';
import { lostCells, testLab, WEFT } from './lab-fixture.ts';

test('a lab of three hosts is a fabric that can be looked at, broken and mended', async (context) => {
  const lab = testLab(context);
  const snapshot = await lab.up();
  const [, host2] = snapshot.hosts;
  const exec = (host: string, ...command: readonly string[]) => lab.weft('exec', host, '--', ...command);
  const status = async (): Promise<LabSnapshot> =>
    JSON.parse((await lab.weft('status', '--ping', '-o', 'json')).stdout);

  await context.test('every Pod reaches every other, and etcd has one leader', () => {
    assert.equal(snapshot.hosts.length, 3);
    assert.equal(snapshot.matrix?.cells.flat().filter((cell) => typeof cell === 'number').length, 6);
    assert.equal(snapshot.hosts.filter((host) => host.etcd === 'leader').length, 1);
    assert.deepEqual(
      snapshot.hosts.map((host) => host.address.slice(host.address.lastIndexOf('.'))),
      ['.11', '.12', '.13'],
    );
  });

  await context.test('etcdctl on a host shows the configuration and the leases in the texts of flannel', async () => {
    const { stdout } = await exec('host1', 'etcdctl', 'get', '--prefix', LAB_PREFIX);
    const expected = snapshot.hosts
      .toSorted((a, b) => compareText(keyOf(a), keyOf(b)))
      .map((host) => [
        keyOf(host),
        `{"PublicIP":"${host.address}","PublicIPv6":null,"BackendType":"vxlan",` +
          `"BackendData":{"VNI":1,"VtepMAC":"${host.deviceMac}"}}`,
      ]);
    const config = ['/kubernetes/network/config', '{"Network":"172.30.0.0/16","Backend":{"Type":"vxlan"}}'];
    const lines = stdout.trimEnd().split('\n');
    // A key and its value a line each. Which machine has which address is ours to say, where flannel never looks.
    const isOfMachine = (_: string, at: number): boolean =>
      lines[at - (at % 2)]?.startsWith(`${LAB_PREFIX}/hosts/`) === true;
    assert.equal(lines.filter(isOfMachine).length, 2 * snapshot.hosts.length);
    assert.deepEqual(
      lines.filter((line, at) => !isOfMachine(line, at)),
      [...config, ...expected.flat()],
    );
  });

  await context.test('weft on a host knows where etcd is', async () => {
    const { stdout } = await exec('host3', 'weft', 'lease', 'list');
    for (const host of snapshot.hosts) assert.match(stdout, new RegExp(`${host.lease}.*${host.address}`));
  });

  await context.test('a host has one onlink route per peer', async () => {
    const { stdout } = await exec('host1', 'ip', 'route');
    const peers = snapshot.hosts.slice(1).map((host) => {
      return `${host.lease} via ${host.lease?.replace(/\/.*/, '')} dev flannel.1 onlink`;
    });
    const onlink = stdout.split('\n').filter((line) => line.includes('onlink'));
    assert.deepEqual(onlink.map((line) => line.trim()).sort(), peers.sort());
  });

  await context.test('exec hands on input and exit code, and says what it does not understand', async () => {
    const argv = [WEFT, 'lab', 'exec', '--name', lab.name, 'pod2', '--', 'sh', '-c', 'cat; exit 42'];
    assert.deepEqual(await runCommand({ argv, stdin: 'warp', why: 'try' }), { code: 42, stdout: 'warp', stderr: '' });
    const misspelt = await exec('hots2', 'true');
    assert.equal(misspelt.code, 2);
    assert.match(misspelt.stderr, /did you mean host2\?/);
    assert.match((await lab.weft('exec', 'host1')).stderr, /there is no command to run/);
  });

  await context.test('keys are for root alone, and the picture is there', () => {
    const directory = `${LAB_ROOT}/${lab.name}`;
    assert.equal(statSync(`${directory}/etcd/tls/client-key.pem`).mode & 0o777, 0o600);
    assert.match(readFileSync(`${directory}/lab.svg`, 'utf8'), /^<svg .*host3.*<\/svg>\n$/s);
  });

  await context.test('no packet is lost when an agent is killed, and the next one takes the same subnet', async () => {
    const ping = exec('pod1', 'fping', '-q', '-c', '200', '-p', '10', host2?.pod.address ?? '');
    await pause(500);
    assert.equal((await lab.weft('kill-agent', 'host2')).code, 0);
    assert.match((await ping).stderr, /xmt\/rcv\/%loss = 200\/200\/0%/);
    assert.equal((await lab.weft('status')).code, 1);
    assert.equal((await lab.weft('start-agent', 'host2')).code, 0);
    assert.equal((await status()).hosts[1]?.lease, host2?.lease);
  });

  await context.test('a host whose cable is cut is alone, and back when it is mended', async () => {
    await lab.weft('cut', 'host3');
    const cut = await status();
    assert.equal(cut.hosts[2]?.uplink, 'cut');
    assert.equal(lostCells(cut), 4);
    await lab.weft('heal', 'host3');
    assert.equal(await eventually(async () => lostCells(await status())), 0);
  });

  await context.test('a fourth host joins', async () => {
    const output = await lab.weft('add-host', '-o', 'json');
    assert.equal(output.code, 0, output.stderr);
    const grown: LabSnapshot = JSON.parse(output.stdout);
    assert.equal(grown.hosts.length, 4);
    assert.equal(lostCells(grown), 0);
  });

  await context.test('down removes everything, and a second time there is nothing to do', async () => {
    const first = await lab.weft('down');
    assert.match(first.stdout, /removed 7 processes, 9 namespaces/);
    assert.deepEqual(lab.leftovers(), []);
    const second = await lab.weft('down');
    assert.deepEqual([second.code, second.stdout], [0, `there is no lab named ${lab.name}: nothing to remove\n`]);
  });

  await context.test('the same lab comes up again right after', async () => {
    assert.equal(lostCells(await lab.up()), 0);
  });
});

test('two labs stand side by side, and one goes without the other', async (context) => {
  const [blue, red] = [testLab(context), testLab(context)];
  const [first, second] = await Promise.all([blue.up(), red.up()]);
  assert.equal(lostCells(first) + lostCells(second), 0);
  assert.notEqual(first.subnet, second.subnet);
  await blue.weft('down');
  assert.deepEqual(blue.leftovers(), []);
  assert.equal((await red.weft('status', '--ping')).code, 0);
});

function keyOf(host: LabSnapshot['hosts'][number]): string {
  return `${LAB_PREFIX}/subnets/${host.lease?.replace('/', '-')}`;
}

/** etcd sorts keys by their bytes. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

/** Asks until the answer is 0, for five seconds; the last answer. */
async function eventually(ask: () => Promise<number>): Promise<number> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const answer = await ask();
    if (answer === 0 || performance.now() > deadline) return answer;
  }
}
