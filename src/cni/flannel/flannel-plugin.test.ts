import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openControlServer } from '#agent/control/control-server.ts';
import { createLog } from '#runtime/log.ts';
import { DelegateFolder, SUBNET_FILE } from './test-delegate.ts';

const GENERATED =
  '{"cniVersion":"1.1.0","ipMasq":false,"ipam":{"ranges":[[{"subnet":"10.1.17.0/24"}]],"routes":[{"dst":"10.1.0.0/16"}],"type":"host-local"},"isGateway":true,"mtu":1472,"name":"cbr0","type":"bridge"}';
const FAIL = `echo '{"code":11,"msg":"no threads left","details":"wind some"}'; exit 1`;

suite('ADD', () => {
  test('keeps what the delegate gets, root only, then prints what the delegate prints', async (t) => {
    const folder = new DelegateFolder(t);
    const { code, answer } = await folder.ask('ADD');
    assert.deepEqual([code, answer?.['ips']], [0, [{ address: '10.1.17.2/24', gateway: '10.1.17.1' }]]);
    assert.equal(folder.state('c1'), GENERATED);
    assert.equal(folder.state('c1@eth0'), GENERATED);
    assert.deepEqual(folder.given('ADD'), JSON.parse(GENERATED));
    assert.equal(statSync(join(folder.dataDir, 'c1')).mode & 0o777, 0o600);
    assert.equal(statSync(folder.dataDir).mode & 0o777, 0o700);
    assert.deepEqual(folder.calls(), ['ADD c1 eth0 /proc/self/ns/net']);
  });

  test('keeps it before the delegate is called', async (t) => {
    const folder = new DelegateFolder(t);
    folder.delegate({ ADD: `cat "$F/data/flannel/c1" > "$F/seen"; echo '{}'` });
    await folder.ask('ADD');
    assert(existsSync(join(folder.path, 'seen')));
  });

  test('that the delegate refuses has its code and words, and what was kept stays for DEL', async (t) => {
    const folder = new DelegateFolder(t);
    folder.delegate({ ADD: FAIL });
    const { code, answer } = await folder.ask('ADD');
    assert.equal(code, 1);
    assert.deepEqual(answer, {
      cniVersion: '1.1.0',
      code: 11,
      msg: 'failed to delegate add: no threads left',
      details: 'wind some',
    });
    assert.equal(folder.state('c1'), GENERATED);
  });

  test('twice for one container leaves one state', async (t) => {
    const folder = new DelegateFolder(t);
    await folder.ask('ADD');
    await folder.ask('ADD');
    assert.deepEqual(readdirSync(folder.dataDir).sort(), ['c1', 'c1@eth0']);
  });

  test('twenty times at once, for one container and others, keeps whole states and no leftovers', async (t) => {
    const folder = new DelegateFolder(t);
    const asked = Array.from({ length: 20 }, (_, index) => folder.ask('ADD', { id: `c${index % 4}` }));
    for (const { code } of await Promise.all(asked)) assert.equal(code, 0);
    const names = readdirSync(folder.dataDir).sort();
    assert.deepEqual(names, ['c0', 'c0@eth0', 'c1', 'c1@eth0', 'c2', 'c2@eth0', 'c3', 'c3@eth0']);
    for (const name of names) assert.equal(folder.state(name), GENERATED);
  });

  test('without a subnet file is code 11 and touches nothing', async (t) => {
    const folder = new DelegateFolder(t);
    rmSync(folder.subnetFile);
    const { answer } = await folder.ask('ADD');
    assert.equal(answer?.['code'], 11);
    assert.match(
      String(answer?.['msg']),
      /^failed to load flannel 'subnet.env' file: open .*: no such file or directory/,
    );
    assert.deepEqual([folder.calls(), existsSync(folder.dataDir)], [[], false]);
  });

  test("without a subnet file has the agent's own words behind the message", async (t) => {
    const folder = new DelegateFolder(t);
    rmSync(folder.subnetFile);
    const details = async (): Promise<unknown> => (await folder.ask('ADD')).answer?.['details'];
    assert.match(String(await details()), /^agent: no agent answers on this host \(.*agent\.sock\); start it/);
    const verdict = { state: 'trouble', text: 'trouble: etcd is unreachable', remedy: 'look at its members' };
    const methods = new Map([['status', { run: (): unknown => ({ verdict }), patienceMs: 10_000 }]]);
    const server = await openControlServer({
      path: join(folder.path, 'agent.sock'),
      methods,
      log: createLog({ verbose: false, journal: true, write: () => {}, now: () => 0 }),
      clientPatienceMs: 10_000,
    });
    assert.equal(await details(), 'agent: trouble: etcd is unreachable; look at its members');
    assert.equal(
      (await folder.ask('STATUS')).answer?.['details'],
      'agent: trouble: etcd is unreachable; look at its members',
    );
    await server.close();
  });

  test('in a namespace that has vanished is code 4 and keeps nothing', async (t) => {
    const folder = new DelegateFolder(t);
    const { answer } = await folder.ask('ADD', { netns: '/run/netns/weft-gone' });
    assert.deepEqual([answer?.['code'], folder.calls()], [4, []]);
    assert.match(String(answer?.['msg']), /CNI_NETNS: there is no network namespace \/run\/netns\/weft-gone/);
    assert(!existsSync(folder.dataDir));
  });

  test('without the delegate says what is missing where', async (t) => {
    const folder = new DelegateFolder(t);
    const { answer } = await folder.ask('ADD', { config: { delegate: { type: 'ipvlan' } } });
    assert.equal(
      answer?.['msg'],
      `failed to delegate add: failed to find plugin "ipvlan" in path [${folder.path}/bin]`,
    );
  });

  test('whose delegate dies, hangs or prints rubbish is an error that says so', async (t) => {
    const folder = new DelegateFolder(t);
    const cases: readonly (readonly [string, number, RegExp])[] = [
      ['kill -KILL $$', 100, /failed to delegate add: plugin bridge was ended by SIGKILL/],
      ['sleep 600', 100, /failed to delegate add: plugin bridge did not end within 1500 ms/],
      ['echo tangled', 6, /error unmarshall result/],
      [':', 6, /error unmarshall result/],
    ];
    for (const [script, code, words] of cases) {
      folder.delegate({ ADD: script });
      const { answer } = await folder.ask('ADD', { timeoutMs: 1500 });
      assert.equal(answer?.['code'], code);
      assert.match(String(answer?.['msg']), words);
    }
  });

  test('of a delegate that leaves the version out has the one that was asked for', async (t) => {
    const folder = new DelegateFolder(t);
    folder.delegate({ ADD: `echo '{"ip4":{"ip":"10.1.17.2/24"}}'` });
    const { answer } = await folder.ask('ADD', { config: { cniVersion: '0.2.0' } });
    assert.deepEqual(answer, { cniVersion: '0.2.0', ip4: { ip: '10.1.17.2/24' }, dns: {} });
  });

  test('that cannot keep its state does not call the delegate', async (t) => {
    const folder = new DelegateFolder(t);
    const { answer } = await folder.ask('ADD', { config: { dataDir: folder.subnetFile } });
    assert.deepEqual([answer?.['code'], folder.calls()], [5, []]);
    assert.match(String(answer?.['msg']), /failed to save the state of container c1: /);
  });
});

suite('DEL', () => {
  test('gives the delegate what was kept, then forgets it; a second one succeeds', async (t) => {
    const folder = new DelegateFolder(t);
    await folder.ask('ADD');
    rmSync(folder.subnetFile);
    assert.deepEqual(await folder.ask('DEL'), { code: 0, answer: undefined, err: '' });
    assert.deepEqual(folder.given('DEL'), JSON.parse(GENERATED));
    assert.deepEqual(readdirSync(folder.dataDir), []);
    folder.calls();
    assert.equal((await folder.ask('DEL')).code, 0);
    assert.deepEqual(folder.calls(), []);
  });

  test('before any ADD succeeds', async (t) => {
    assert.equal((await new DelegateFolder(t).ask('DEL')).code, 0);
  });

  test('that the delegate refuses keeps the state, so that the next one gives the address back (D-11)', async (t) => {
    const folder = new DelegateFolder(t);
    await folder.ask('ADD');
    folder.delegate({ DEL: FAIL });
    const { code, answer } = await folder.ask('DEL');
    assert.deepEqual([code, answer?.['code'], answer?.['msg']], [1, 11, 'failed to delegate del: no threads left']);
    assert.equal(folder.state('c1'), GENERATED);
    folder.delegate();
    assert.equal((await folder.ask('DEL')).code, 0);
    assert.deepEqual(readdirSync(folder.dataDir), []);
  });

  test('takes up what flannel wrote', async (t) => {
    const folder = new DelegateFolder(t);
    folder.writeState('c1', GENERATED);
    assert.equal((await folder.ask('DEL')).code, 0);
    assert.deepEqual([folder.calls(), readdirSync(folder.dataDir)], [['DEL c1 eth0'], []]);
  });

  suite('of a state that holds rubbish succeeds', () => {
    for (const rubbish of ['', '{"type":', '[]', '{"type":7}', '\0\0\0']) {
      test(`${JSON.stringify(rubbish)}: the delegate gets a new configuration`, async (t) => {
        const folder = new DelegateFolder(t);
        folder.writeState('c1', rubbish);
        const { code, err } = await folder.ask('DEL');
        assert.equal(code, 0);
        assert.match(err, /the state of container c1 is no delegate configuration; cleaned up with a new one/);
        assert.deepEqual([folder.calls(), readdirSync(folder.dataDir)], [['DEL c1 eth0'], []]);
      });
    }

    test('and keeps the file when that does not work either', async (t) => {
      const folder = new DelegateFolder(t);
      folder.writeState('c1', 'tangled');
      rmSync(folder.subnetFile);
      const { code, err } = await folder.ask('DEL');
      assert.deepEqual([code, folder.state('c1')], [0, 'tangled']);
      assert.match(err, /and is kept; cleaning up with a new one failed: .*subnet.env/);
    });
  });
});

suite('two interfaces of one container (D-36)', () => {
  test('are kept apart, and each DEL takes its own', async (t) => {
    const folder = new DelegateFolder(t);
    await folder.ask('ADD');
    await folder.ask('ADD', { ifname: 'net1', config: { name: 'other' } });
    assert.match(folder.state('c1'), /"name":"cbr0"/);
    assert.match(folder.state('c1@net1'), /"name":"other"/);
    await folder.ask('DEL');
    assert.deepEqual(folder.given('DEL')['name'], 'cbr0');
    assert.deepEqual(readdirSync(folder.dataDir), ['c1@net1']);
    await folder.ask('DEL', { ifname: 'net1' });
    assert.deepEqual(folder.given('DEL')['name'], 'other');
    assert.deepEqual(readdirSync(folder.dataDir), []);
  });

  test("another network's state that flannel wrote is left alone", async (t) => {
    const folder = new DelegateFolder(t);
    folder.writeState('c1', '{"name":"other","type":"bridge"}');
    await folder.ask('ADD');
    assert.equal(folder.state('c1'), '{"name":"other","type":"bridge"}');
    await folder.ask('DEL');
    folder.calls();
    await folder.ask('DEL');
    assert.deepEqual([folder.calls(), readdirSync(folder.dataDir)], [[], ['c1']]);
  });

  test("this network's state that flannel wrote is superseded, as is a link to nothing", async (t) => {
    const folder = new DelegateFolder(t);
    folder.writeState('c1', '{"name":"cbr0","type":"bridge"}');
    symlinkSync('c2@eth0', join(folder.dataDir, 'c2'));
    await folder.ask('ADD');
    await folder.ask('ADD', { id: 'c2', ifname: 'net7' });
    assert.deepEqual([folder.state('c1'), folder.state('c2')], [GENERATED, GENERATED]);
  });
});

suite('CHECK', () => {
  const prevResult = {
    cniVersion: '1.1.0',
    ips: [
      { address: '10.1.17.2/24', gateway: '10.1.17.1' },
      { address: 'fd00::2/64', gateway: 'fd00::1' },
    ],
    routes: [{ dst: '10.1.0.0/16' }, { dst: 'fd01::/48' }, { dst: '0.0.0.0/0', gw: '10.1.17.9' }],
  };
  const config = { prevResult };

  test('asks the delegate, with the result and with the gateways that routes went by', async (t) => {
    const folder = new DelegateFolder(t);
    await folder.ask('ADD');
    assert.deepEqual(await folder.ask('CHECK', { config }), { code: 0, answer: undefined, err: '' });
    assert.deepEqual(folder.given('CHECK'), {
      ...JSON.parse(GENERATED),
      prevResult: {
        ...prevResult,
        routes: [
          { dst: '10.1.0.0/16', gw: '10.1.17.1' },
          { dst: 'fd01::/48', gw: 'fd00::1' },
          { dst: '0.0.0.0/0', gw: '10.1.17.9' },
        ],
      },
    });
  });

  test('hands on what the delegate finds', async (t) => {
    const folder = new DelegateFolder(t);
    await folder.ask('ADD');
    folder.delegate({ CHECK: `echo '{"code":100,"msg":"veth is gone"}'; exit 1` });
    const { answer } = await folder.ask('CHECK', { config });
    assert.equal(answer?.['msg'], 'failed to delegate check: veth is gone');
  });

  test('is content with its own look when the delegate knows no CHECK', async (t) => {
    const folder = new DelegateFolder(t);
    await folder.ask('ADD');
    folder.delegate({ CHECK: `echo '{"code":4,"msg":"unknown CNI_COMMAND: CHECK"}'; exit 1` });
    assert.equal((await folder.ask('CHECK', { config })).code, 0);
  });

  test('finds what was never added, is rubbish, is in no namespace, or has another subnet', async (t) => {
    const folder = new DelegateFolder(t);
    const words = async (): Promise<string> => String((await folder.ask('CHECK', { config })).answer?.['msg']);
    assert.match(await words(), /there is no state of interface eth0 of container c1/);
    folder.writeState('c1', 'tangled');
    assert.match(await words(), /the state of container c1 .* is no delegate configuration/);
    await folder.ask('ADD');
    const gone = await folder.ask('CHECK', { config, netns: '/run/netns/weft-gone' });
    assert.equal(gone.answer?.['code'], 4);
    writeFileSync(folder.subnetFile, SUBNET_FILE.replaceAll('10.1.17', '10.1.99'));
    assert.match(await words(), /has an address of 10.1.17.0\/24, but the subnet of this host is 10.1.99.0\/24 now/);
  });

  test('needs the result of ADD', async (t) => {
    const folder = new DelegateFolder(t);
    await folder.ask('ADD');
    const { answer } = await folder.ask('CHECK');
    assert.deepEqual([answer?.['code'], answer?.['msg']], [7, 'Required prevResult missing']);
  });
});

suite('STATUS', () => {
  test('is good when subnet file and delegate are', async (t) => {
    const folder = new DelegateFolder(t);
    assert.equal((await folder.ask('STATUS')).code, 0);
    assert.deepEqual(folder.calls(), ['VERSION c1 eth0 /proc/self/ns/net', 'STATUS c1 eth0 /proc/self/ns/net']);
  });

  test('is code 50 without subnet file, without delegate, or when that is not ready', async (t) => {
    const folder = new DelegateFolder(t);
    folder.delegate({ STATUS: FAIL });
    assert.deepEqual((await folder.ask('STATUS')).answer, {
      cniVersion: '1.1.0',
      code: 50,
      msg: 'failed to delegate status: no threads left',
      details: 'wind some',
    });
    assert.equal((await folder.ask('STATUS', { config: { delegate: { type: 'ipvlan' } } })).answer?.['code'], 50);
    rmSync(folder.subnetFile);
    const { answer } = await folder.ask('STATUS');
    assert.equal(answer?.['code'], 50);
    assert.match(String(answer?.['msg']), /subnet.env: no such file or directory/);
  });

  test('is code 51 when the delegate says that containers have lost their network', async (t) => {
    const folder = new DelegateFolder(t);
    folder.delegate({ STATUS: `echo '{"code":51,"msg":"limited"}'; exit 1` });
    assert.equal((await folder.ask('STATUS')).answer?.['code'], 51);
  });

  test('is code 50 when the delegate is too old for the version, which every ADD would meet', async (t) => {
    const folder = new DelegateFolder(t);
    folder.delegate({ VERSION: `echo '{"supportedVersions":["0.4.0","1.0.0"]}'` });
    const { answer } = await folder.ask('STATUS');
    assert.equal(answer?.['code'], 50);
    assert.equal(answer?.['msg'], 'plugin bridge does not speak CNI 1.1.0, at most 1.0.0');
  });
});

suite('GC', () => {
  const keep = (...ids: readonly string[]): { readonly config: object } => ({
    config: { 'cni.dev/valid-attachments': ids.map((containerID) => ({ containerID, ifname: 'eth0' })) },
  });

  test('gives back what is no longer there and keeps the rest, then lets the delegate collect', async (t) => {
    const folder = new DelegateFolder(t);
    for (const id of ['c1', 'c2', 'c3']) await folder.ask('ADD', { id });
    await folder.ask('ADD', { id: 'c1', ifname: 'net1' });
    folder.writeState('c9', GENERATED);
    folder.calls();
    assert.equal((await folder.ask('GC', keep('c1', 'c3'))).code, 0);
    assert.deepEqual(folder.calls().toSorted(), [
      'DEL c1 net1',
      'DEL c2 eth0',
      'DEL c9 eth0',
      'GC c1 eth0 /proc/self/ns/net',
      'VERSION c1 eth0 /proc/self/ns/net',
    ]);
    assert.deepEqual(readdirSync(folder.dataDir).sort(), ['c1', 'c1@eth0', 'c3', 'c3@eth0']);
    const { 'cni.dev/valid-attachments': valid } = folder.given('GC');
    assert.deepEqual(valid, [
      { containerID: 'c1', ifname: 'eth0' },
      { containerID: 'c3', ifname: 'eth0' },
    ]);
  });

  test("leaves other networks' attachments and what it cannot read", async (t) => {
    const folder = new DelegateFolder(t);
    await folder.ask('ADD', { config: { name: 'other' } });
    folder.writeState('c2', 'tangled');
    folder.writeState('not a container', '{"name":"cbr0","type":"bridge"}');
    mkdirSync(join(folder.dataDir, 'networks'));
    assert.equal((await folder.ask('GC', keep())).code, 0);
    assert.deepEqual(readdirSync(folder.dataDir).sort(), ['c1', 'c1@eth0', 'c2', 'networks', 'not a container']);
  });

  test('goes on after a failure, keeps what failed, and says so', async (t) => {
    const folder = new DelegateFolder(t);
    for (const id of ['c1', 'c2', 'c3']) await folder.ask('ADD', { id });
    folder.delegate({ DEL: `[ "$CNI_CONTAINERID" = c2 ] || { ${FAIL}; }` });
    const { code, answer } = await folder.ask('GC', keep());
    assert.equal(code, 1);
    assert.equal(answer?.['msg'], 'failed to delegate del: no threads left (and 1 more failures)');
    assert.deepEqual(readdirSync(folder.dataDir).sort(), ['c1', 'c1@eth0', 'c3', 'c3@eth0']);
  });

  test('asks no delegate that knows no GC', async (t) => {
    const folder = new DelegateFolder(t);
    folder.delegate({ VERSION: `echo '{"supportedVersions":["1.0.0"]}'` });
    assert.equal((await folder.ask('GC', keep())).code, 0);
    assert.deepEqual(folder.calls(), ['VERSION c1 eth0 /proc/self/ns/net']);
  });

  test('removes what a plugin left that was killed while it wrote, once it is old', async (t) => {
    const folder = new DelegateFolder(t);
    folder.writeState('.weft-1-c1@eth0', '{"na');
    folder.writeState('.weft-2-c2@eth0', '{"na');
    utimesSync(join(folder.dataDir, '.weft-1-c1@eth0'), 1000, 1000);
    assert.equal((await folder.ask('GC', keep())).code, 0);
    assert.deepEqual(readdirSync(folder.dataDir), ['.weft-2-c2@eth0']);
  });

  test('removes nothing when it is not told what to keep', async (t) => {
    const folder = new DelegateFolder(t);
    await folder.ask('ADD');
    assert.equal((await folder.ask('GC')).answer?.['code'], 7);
    assert.equal(folder.state('c1'), GENERATED);
  });
});

test('the text for people names plugin, version and platform', async (t) => {
  const { err } = await new DelegateFolder(t).ask('');
  assert.match(err, /^CNI Plugin flannel version \S+ \(linux\/\w+\) commit \S+\n/);
});
