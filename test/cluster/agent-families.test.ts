/** Both families and every routed backend as processes: Pods of two hosts reach each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, PREFIX } from './agent-host.ts';
import { type Segment, startSegment } from './agent-segment.ts';

const IPV4 = { Network: '172.30.0.0/16', SubnetLen: 24 };
const IPV6 = { EnableIPv6: true, IPv6Network: 'fd10::/48', IPv6SubnetLen: 64 };

async function records(segment: Segment): Promise<ReadonlyMap<string, string>> {
  const { kvs } = await segment.etcd.range({ key: `${PREFIX}/subnets/`, rangeEnd: `${PREFIX}/subnets0` });
  return new Map(kvs.map(({ key, value }) => [key.slice(`${PREFIX}/subnets/`.length), value]));
}

test('vxlan in dual stack: Pods reach each other by IPv4 and by IPv6', async (context) => {
  const segment = await startSegment(context, { ...IPV4, ...IPV6, Backend: { Type: 'vxlan' } });
  const [first, second] = segment.hosts;
  await first.pod.reaches(second.pod);
  await second.pod.reaches(first.pod);
  assert.equal(first.pod.addresses.length, 2);
  assert.match(
    first.host.readSubnetFile(),
    /^FLANNEL_NETWORK=172\.30\.0\.0\/16\nFLANNEL_SUBNET=172\.30\.\d+\.1\/24\nFLANNEL_IPV6_NETWORK=fd10::\/48\nFLANNEL_IPV6_SUBNET=fd10:0:0:[\da-f]+::1\/64\nFLANNEL_MTU=1430\nFLANNEL_IPMASQ=false\n$/,
  );
  const names = [...(await records(segment)).keys()];
  assert.ok(
    names.every((name) => /^172\.30\.\d+\.0-24&fd10:0:0:[\da-f]+::-64$/.test(name)),
    names.join(),
  );
  const [value] = (await records(segment)).values();
  const mac = '([\\da-f]{2}:){5}[\\da-f]{2}';
  assert.match(
    value ?? '',
    new RegExp(
      `^\\{"PublicIP":"10\\.77\\.0\\.1[12]","PublicIPv6":"fd00:77::1[12]","BackendType":"vxlan","BackendData":\\{"VNI":1,"VtepMAC":"${mac}"\\},` +
        `"BackendV6Data":\\{"VNI":1,"VtepMAC":"${mac}"\\}\\}$`,
    ),
  );
  const link = first.host.print('ip', '-d', 'link', 'show', 'flannel-v6.1');
  assert.match(link, /mtu 1430 .*\n.*\n.*vxlan id 1 local fd00:77::11 dev eth0 srcport 0 0 dstport 8472 nolearning/);
  assert.match(
    first.host.print('ip', '-6', 'route', 'show', 'dev', 'flannel-v6.1'),
    /^fd10:0:0:[\da-f]+::\/64 via fd10:0:0:[\da-f]+:: metric 1024 onlink/m,
  );
});

test('vxlan with IPv6 alone: Pods reach each other, and the next start takes everything as it is', async (context) => {
  const document = { EnableIPv4: false, ...IPV6, Backend: { Type: 'vxlan' } };
  const segment = await startSegment(context, document);
  const [first, second] = segment.hosts;
  await first.pod.reaches(second.pod);
  const before = await records(segment);
  assert.ok([...before.keys()].every((name) => /^fd10:0:0:[\da-f]+::-64$/.test(name)));
  assert.match([...before.values()].join(), /^\{"PublicIP":"0\.0\.0\.0","PublicIPv6":"fd00:77::1[12]"/);
  assert.equal(first.host.print('ip', '-o', 'link', 'show', 'type', 'vxlan').split('\n').length, 1);
  const link = first.host.print('ip', '-d', 'link', 'show', 'flannel-v6.1');
  first.agent.process.kill('SIGTERM');
  await first.agent.ended;
  const again = first.host.start(context, '-etcd-endpoints', 'http://10.77.0.11:2379');
  await again.ready();
  assert.deepEqual(await records(segment), before);
  assert.equal(first.host.print('ip', '-d', 'link', 'show', 'flannel-v6.1'), link);
  assert.doesNotMatch(again.log(), /kernel programmed/);
});

test('host-gw in dual stack: Pods reach each other by plain routes, which are back at once when they are deleted', async (context) => {
  const segment = await startSegment(context, { ...IPV4, ...IPV6, Backend: { Type: 'host-gw' } });
  const [first, second] = segment.hosts;
  await first.pod.reaches(second.pod);
  const routes = (family: '-4' | '-6'): string[] =>
    first.host
      .print('ip', family, 'route')
      .split('\n')
      .filter((line) => / via /.test(line));
  assert.match(routes('-4').join(), /^172\.30\.\d+\.0\/24 via 10\.77\.0\.12 dev eth0 $/);
  assert.match(routes('-6').join(), /^fd10:0:0:[\da-f]+::\/64 via fd00:77::12 dev eth0 metric 1024 pref medium$/);
  assert.match(first.host.readSubnetFile(), /FLANNEL_MTU=1500/);
  const before = [...routes('-4'), ...routes('-6')];
  const [, ipv6 = ''] = before.map((line) => line.split(' ')[0] ?? '');
  first.host.batch(`route delete ${before[0]?.split(' ')[0]}`, `route delete ${ipv6}`);
  await eventually(
    () => [...routes('-4'), ...routes('-6')].join(),
    (now) => now === before.join(),
    'the routes',
  );
  // The kernel takes routes along with the link without a word about each.
  first.host.batch('link set eth0 down', 'link set eth0 up', 'address replace fd00:77::11/64 dev eth0 nodad');
  await eventually(
    () => [...routes('-4'), ...routes('-6')].join(),
    (now) => now === before.join(),
    'the routes after the link was down',
  );
});

test('vxlan with DirectRouting: the peer of the own segment is routed to, and tunnelled to when it leaves it', async (context) => {
  const segment = await startSegment(context, { ...IPV4, Backend: { Type: 'vxlan', DirectRouting: true } });
  const [first, second] = segment.hosts;
  await first.pod.reaches(second.pod);
  const route = (): string =>
    first.host
      .print('ip', 'route')
      .split('\n')
      .filter((line) => / via /.test(line))
      .join();
  assert.match(route(), /^172\.30\.\d+\.0\/24 via 10\.77\.0\.12 dev eth0 $/);
  first.host.batch('route add 10.77.0.12/32 via 10.77.0.99 dev eth0 proto static');
  await eventually(route, (line) => /dev flannel\.1 onlink/.test(line), 'tunnelled');
  first.host.batch('route delete 10.77.0.12/32');
  await eventually(route, (line) => /^172\.30\.\d+\.0\/24 via 10\.77\.0\.12 dev eth0 $/.test(line), 'direct again');
  await first.pod.reaches(second.pod);
});

test('another address of the interface is followed: published anew, the device made anew with its MAC, the subnet kept', async (context) => {
  const segment = await startSegment(context, { ...IPV4, Backend: { Type: 'vxlan' } });
  const [first, second] = segment.hosts;
  await first.pod.reaches(second.pod);
  const before = await records(segment);
  const file = second.host.readSubnetFile();
  second.host.batch('address delete 10.77.0.12/16 dev eth0', 'address add 10.77.0.22/16 dev eth0');
  await second.agent.logged(/interface changed.*address=10\.77\.0\.22 public_ip=10\.77\.0\.22/);
  const expected = new Map([...before].map(([name, value]) => [name, value.replace('10.77.0.12', '10.77.0.22')]));
  await second.agent.logged(/lease renewed/);
  assert.deepEqual(await records(segment), expected);
  await first.pod.reaches(second.pod);
  await second.pod.reaches(first.pod);
  assert.equal(second.host.readSubnetFile(), file);
  assert.match(second.host.print('ip', '-d', 'link', 'show', 'flannel.1'), /local 10\.77\.0\.22/);
});

test('another MTU of the interface is followed by the device and the subnet file', async (context) => {
  const segment = await startSegment(context, { ...IPV4, Backend: { Type: 'vxlan' } });
  const [first] = segment.hosts;
  first.host.batch('link set eth0 mtu 1400');
  await eventually(
    () => first.host.readSubnetFile(),
    (text) => text.includes('FLANNEL_MTU=1350\n'),
    'the MTU in the subnet file',
  );
  assert.match(first.host.print('ip', 'link', 'show', 'flannel.1'), /mtu 1350/);
  assert.doesNotMatch(first.agent.log(), /lease renewed/);
});
