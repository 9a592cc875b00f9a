import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { testContext } from '#cli/test-context.ts';
import { Fault } from '#runtime/fault.ts';
import { installCni } from './install.ts';
import type { InstallReport, InstallRequest, Machine } from './install-request.ts';
import { PLUGIN_KINDS } from './plugin-kind.ts';
import { hasProblem, printReport } from './print-report.ts';
import type { Bridge } from './stale-bridge.ts';

const SUBNET = 'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.17.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n';

/** A machine with the distribution's plugins and an agent that runs; all of it in one folder. */
class Site {
  readonly folder: string;
  bridges: Bridge[] = [];
  docker = false;
  failure: { plugin: string; command: string; why: string } | undefined;
  versions: readonly string[] | undefined = ['0.3.1', '0.4.0', '1.0.0'];
  readonly tried: unknown[] = [];

  constructor(t: TestContext) {
    this.folder = mkdtempSync(join(tmpdir(), 'weft-install-'));
    t.after(() => rmSync(this.folder, { recursive: true }));
    for (const each of ['distribution', 'weft/bin']) mkdirSync(this.path(each), { recursive: true });
    for (const plugin of ['bridge', 'host-local', 'portmap', 'loopback'])
      writeFileSync(this.path('distribution', plugin), '', { mode: 0o755 });
    writeFileSync(this.path('weft/bin/weft'), '');
    writeFileSync(this.path('subnet.env'), SUBNET);
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** Writes a file, with its folder. */
  put(path: string, text: string): void {
    mkdirSync(join(this.path(path), '..'), { recursive: true });
    writeFileSync(this.path(path), text);
  }

  run(more: Partial<InstallRequest> = {}): Promise<InstallReport> {
    const request: InstallRequest = {
      kind: PLUGIN_KINDS.flannel,
      binDir: this.path('bin'),
      confDir: this.path('net.d'),
      name: undefined,
      subnetFile: this.path('subnet.env'),
      program: this.path('weft/bin/weft'),
      companionFolders: [this.path('distribution')],
      check: false,
      force: false,
      stamp: '20261120T175156Z',
      ...more,
    };
    const machine: Machine = {
      versionsOf: async () => this.versions,
      lookAtBridge: async (name) => this.bridges.find((bridge) => bridge.name === name),
      deleteBridge: async (name) => {
        this.bridges = this.bridges.filter((bridge) => bridge.name !== name);
      },
      dockerRuns: () => this.docker,
      tryNetwork: async (trial) => {
        this.tried.push(trial.subnetFile);
        return this.failure ?? { ips: [] };
      },
    };
    return installCni(request, machine);
  }
}

function states(report: InstallReport): readonly string[] {
  return report.files.map(({ path, state }) => `${path.split('/').at(-1)} ${state}`);
}

function whats(report: InstallReport): readonly string[] {
  return report.findings.map(({ severity, what }) => `${severity}: ${what}`);
}

test('an empty machine gets links, then the network list', async (t) => {
  const site = new Site(t);
  const report = await site.run();
  assert.deepEqual(states(report), [
    'flannel placed',
    'bridge placed',
    'host-local placed',
    'portmap placed',
    'loopback placed',
    '10-flannel.conflist placed',
  ]);
  assert.deepEqual([report.findings, report.repairs], [[], []]);
  assert.deepEqual(report.runtime, { file: site.path('net.d/10-flannel.conflist'), name: 'cbr0' });
  assert.equal(readlinkSync(site.path('bin/flannel')), site.path('weft/bin/weft'));
  assert.equal(readlinkSync(site.path('bin/bridge')), site.path('distribution/bridge'));
  const { cniVersion, plugins } = JSON.parse(readFileSync(site.path('net.d/10-flannel.conflist'), 'utf8'));
  assert.deepEqual([cniVersion, plugins[0].type], ['1.0.0', 'flannel']);
  assert.equal(statSync(site.path('net.d/10-flannel.conflist')).mode & 0o777, 0o644);
  assert.deepEqual(readdirSync(site.path('net.d')), ['10-flannel.conflist']);
  assert.deepEqual(site.tried, [site.path('subnet.env')]);
});

test('a second time nothing is changed', async (t) => {
  const site = new Site(t);
  await site.run();
  const before = lstatSync(site.path('net.d/10-flannel.conflist')).ino;
  const report = await site.run();
  assert.deepEqual(states(report), ['flannel in place', '10-flannel.conflist in place']);
  assert.equal(lstatSync(site.path('net.d/10-flannel.conflist')).ino, before);
});

test('a check changes nothing and says what is not in place', async (t) => {
  const site = new Site(t);
  const report = await site.run({ check: true });
  assert(!existsSync(site.path('bin')) && !existsSync(site.path('net.d')));
  assert(hasProblem(report));
  assert(whats(report).includes('problem: flannel is not in place'));
  assert.deepEqual(site.tried, []);
  await site.run();
  assert(!hasProblem(await site.run({ check: true })));
});

test('the name of the network can be chosen', async (t) => {
  const { runtime } = await new Site(t).run({ name: 'fabric' });
  assert.equal(runtime?.name, 'fabric');
});

test('the list has the version that the plugins have; when they do not say, a usual one', async (t) => {
  const site = new Site(t);
  site.versions = ['0.3.0', '0.3.1'];
  await site.run();
  assert.match(readFileSync(site.path('net.d/10-flannel.conflist'), 'utf8'), /"cniVersion": "0.3.1"/);
  site.versions = undefined;
  await site.run({ confDir: site.path('other.d') });
  assert.match(readFileSync(site.path('other.d/10-flannel.conflist'), 'utf8'), /"cniVersion": "1.0.0"/);
});

suite('a file that somebody else put there', () => {
  test('is refused, all of them are named, and nothing is changed', async (t) => {
    const site = new Site(t);
    site.put('bin/flannel', 'ELF');
    site.put('net.d/10-flannel.conflist', '{"name":"cbr0"}');
    const fault = await site.run().catch((error) => error);
    assert(fault instanceof Fault);
    assert.equal(fault.code, 'cni.foreign');
    assert.match(fault.where ?? '', /bin\/flannel, .*10-flannel.conflist/);
    assert.deepEqual(readdirSync(site.path('bin')), ['flannel']);
    assert.equal(readFileSync(site.path('bin/flannel'), 'utf8'), 'ELF');
  });

  test('is replaced with --force and kept, where no runtime reads it', async (t) => {
    const site = new Site(t);
    site.put('bin/flannel', 'ELF');
    site.put('net.d/10-flannel.conflist', '{"name":"cbr0"}');
    const report = await site.run({ force: true });
    assert(!hasProblem(report));
    assert.equal(readFileSync(site.path('bin/flannel.weft-backup-20261120T175156Z'), 'utf8'), 'ELF');
    assert.deepEqual(readdirSync(site.path('net.d')).sort(), [
      '10-flannel.conflist',
      '10-flannel.conflist.weft-backup-20261120T175156Z',
    ]);
    assert.equal(report.files[0]?.backup, site.path('bin/flannel.weft-backup-20261120T175156Z'));
  });

  test('is a finding of a check', async (t) => {
    const site = new Site(t);
    site.put('bin/flannel', 'ELF');
    const { findings } = await site.run({ check: true });
    assert.match(findings[0]?.remedy ?? '', /--force/);
  });

  test('is left alone when it is a plugin of the distribution', async (t) => {
    const site = new Site(t);
    site.put('bin/bridge', 'ELF');
    await site.run();
    assert.equal(readFileSync(site.path('bin/bridge'), 'utf8'), 'ELF');
  });

  test('that says the same is in place', async (t) => {
    const site = new Site(t);
    const chain = JSON.stringify(PLUGIN_KINDS.flannel.chain);
    site.put('net.d/10-flannel.conflist', `{"plugins":${chain},"cniVersion":"0.3.1","name":"cbr0"}`);
    assert(states(await site.run()).includes('10-flannel.conflist in place'));
  });
});

test('a link to another weft, or to nothing, is replaced', async (t) => {
  const site = new Site(t);
  mkdirSync(site.path('bin'));
  for (const target of ['/opt/weft-0.0.9/bin/weft', '/gone']) {
    rmSync(site.path('bin/flannel'), { force: true });
    symlinkSync(target, site.path('bin/flannel'));
    assert(whats(await site.run({ check: true })).includes('problem: flannel is not in place'));
    assert(states(await site.run()).includes('flannel placed'));
    assert.equal(readlinkSync(site.path('bin/flannel')), site.path('weft/bin/weft'));
  }
});

test('a folder that cannot be written is a Fault that names the file', async (t) => {
  const site = new Site(t);
  site.put('bin', '');
  const fault = await site.run({ binDir: site.path('bin/inside') }).catch((error) => error);
  assert(fault instanceof Fault);
  assert.deepEqual([fault.code, fault.where], ['host.file', site.path('bin/inside/flannel')]);
});

test('a plugin that neither folder has is named with the package; an optional one is not', async (t) => {
  const site = new Site(t);
  rmSync(site.path('distribution/portmap'));
  rmSync(site.path('distribution/loopback'));
  const report = await site.run();
  assert.deepEqual(whats(report), ['problem: the plugin portmap is missing']);
  assert.match(report.findings[0]?.remedy ?? '', /containernetworking-plugins/);
});

suite('what runtimes take', () => {
  const other = '{"name":"podman","plugins":[{"type":"bridge"}]}';

  test('is another list when its name comes first, and that is a problem', async (t) => {
    const site = new Site(t);
    site.put('net.d/05-podman.conflist', other);
    const report = await site.run();
    assert.deepEqual(report.runtime, { file: site.path('net.d/05-podman.conflist'), name: 'podman' });
    assert.deepEqual(whats(report), ['problem: runtimes take the network podman of 05-podman.conflist']);
    assert.deepEqual(site.tried, []);
  });

  test('is ours when others come later, and files of other kinds do not count', async (t) => {
    const site = new Site(t);
    site.put('net.d/87-podman.conflist', other);
    site.put('net.d/05-notes.txt', other);
    site.put('net.d/05-podman.conflist.off', other);
    assert.deepEqual(whats(await site.run()), []);
  });

  test('is also a single network in a .conf', async (t) => {
    const site = new Site(t);
    site.put('net.d/05-old.conf', '{"name":"old","type":"bridge"}');
    assert.equal((await site.run()).runtime?.name, 'old');
  });

  test('passes over what cannot be read, which is worth knowing', async (t) => {
    const site = new Site(t);
    site.put('net.d/05-broken.conflist', '{"name"');
    const report = await site.run();
    assert.deepEqual(whats(report), ['notice: runtimes pass over 05-broken.conflist']);
    assert(!hasProblem(report));
  });
});

suite('the bridge', () => {
  const stale = { name: 'cni0', addresses: ['10.5.3.1/24'], ports: [] };

  test('with a former address and nothing attached is deleted', async (t) => {
    const site = new Site(t);
    site.bridges = [stale];
    const report = await site.run();
    assert.deepEqual([site.bridges, report.findings], [[], []]);
    assert.match(report.repairs[0] ?? '', /deleted cni0, to which nothing was attached, since it has 10.5.3.1\/24/);
  });

  test('with containers attached stays, and they are listed', async (t) => {
    const site = new Site(t);
    site.bridges = [{ ...stale, ports: ['veth1', 'veth2'] }];
    const report = await site.run();
    assert.equal(site.bridges.length, 1);
    assert.match(report.findings[0]?.cause ?? '', /attached: veth1, veth2/);
    assert.match(report.findings[0]?.remedy ?? '', /delete those containers/);
  });

  test('is not touched by a check', async (t) => {
    const site = new Site(t);
    await site.run();
    site.bridges = [stale];
    assert.deepEqual(whats(await site.run({ check: true })), ['problem: cni0 has not the address of the subnet']);
    assert.equal(site.bridges.length, 1);
  });

  test('of docker is deleted only while docker is down, and only when its address is of the fabric', async (t) => {
    const site = new Site(t);
    site.bridges = [{ ...stale, name: 'docker0' }];
    site.docker = true;
    const report = await site.run();
    assert.deepEqual([whats(report), site.bridges.length], [['problem: docker0 has not the address of the subnet'], 1]);
    assert.match(report.findings[0]?.remedy ?? '', /stop docker/);
    site.docker = false;
    assert.match((await site.run()).repairs[0] ?? '', /deleted docker0/);
    site.bridges = [{ name: 'docker0', addresses: ['172.17.0.1/16'], ports: [] }];
    assert.deepEqual(whats(await site.run()), []);
  });
});

test('without a subnet file the plugins are tried with one that is made up; only a check calls that a problem', async (t) => {
  const site = new Site(t);
  rmSync(site.path('subnet.env'));
  assert.deepEqual(whats(await site.run()), ['notice: there is no subnet for containers yet']);
  assert.deepEqual(site.tried, [undefined]);
  assert.deepEqual(whats(await site.run({ check: true })), ['problem: there is no subnet for containers yet']);
});

test('a trial that fails says which plugin failed at what', async (t) => {
  const site = new Site(t);
  site.failure = { plugin: 'portmap', command: 'ADD', why: 'no iptables' };
  const report = await site.run();
  assert.deepEqual(whats(report), ['problem: a container would not get its network: ADD of portmap failed in a trial']);
  assert.equal(report.findings[0]?.cause, 'no iptables');
});

suite('the report', () => {
  async function printed(
    site: Site,
    more: Partial<InstallRequest> = {},
    format: 'table' | 'json' = 'table',
  ): Promise<string> {
    const { context, out } = testContext();
    printReport(context, format, await site.run(more), more.check === true);
    return out();
  }

  test('ends with what has come of it', async (t) => {
    const site = new Site(t);
    assert.match(await printed(site, { check: true }), /not all is in place\n$/);
    assert.match(await printed(site), /network that runtimes take: cbr0, of .*10-flannel.conflist\ndone\n$/);
    assert.match(await printed(site), /all was in place, nothing was changed\n$/);
    assert.match(await printed(site, { check: true }), /all is in place\n$/);
    site.bridges = [{ name: 'cni0', addresses: [], ports: [] }];
    assert.match(await printed(site), /repaired: deleted cni0.*\ndone\n$/);
    site.failure = { plugin: 'bridge', command: 'ADD', why: 'x' };
    assert.match(
      await printed(site),
      /problem: .*\n {2}where: .*\n {2}cause: {2}x\n {2}remedy: .*\ndone, but containers will not get/,
    );
  });

  test('is one object for programs', async (t) => {
    const { files, findings, runtime, repairs } = JSON.parse(await printed(new Site(t), {}, 'json'));
    assert.deepEqual([files.length, findings, repairs, runtime.name], [6, [], [], 'cbr0']);
  });

  test('says when there is no network at all', async (t) => {
    assert.match(await printed(new Site(t), { check: true }), /network that runtimes take: none/);
  });
});
