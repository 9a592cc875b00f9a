import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { listVersion, networkListText, readNetwork, sameNetworkList } from './network-list.ts';
import { PLUGIN_KINDS } from './plugin-kind.ts';

test("the list of flannel is the one of flannel's manifest, with a version", () => {
  assert.deepEqual(JSON.parse(networkListText(PLUGIN_KINDS.flannel, 'cbr0', '1.0.0')), {
    name: 'cbr0',
    cniVersion: '1.0.0',
    plugins: [
      { type: 'flannel', delegate: { hairpinMode: true, isDefaultGateway: true } },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
});

test('its version is the newest that all plugins speak, and no newer than runtimes read', () => {
  const old = ['0.1.0', '0.2.0', '0.3.0', '0.3.1'];
  assert.equal(listVersion([]), '1.0.0');
  assert.equal(
    listVersion([
      ['0.4.0', '1.0.0', '1.1.0'],
      ['1.0.0', '1.1.0'],
    ]),
    '1.0.0',
  );
  assert.equal(listVersion([old, [...old, '0.4.0']]), '0.3.1');
  assert.equal(listVersion([['9.0.0']]), '0.1.0');
});

suite('a file is read as runtimes read it', () => {
  const plugin = '{"type":"bridge"}';
  const cases: readonly (readonly [string, string, string | readonly string[]])[] = [
    ['a.conflist', `{"name":"n","plugins":[${plugin}]}`, ['n']],
    ['a.conf', '{"name":"n","type":"bridge"}', ['n']],
    ['a.json', '{"name":"n","type":"bridge"}', ['n']],
    ['a.conflist', '{"name":"n","plugins":[]}', 'it has no list of plugins'],
    ['a.conflist', '{"name":"n"}', 'it has no list of plugins'],
    ['a.conflist', '{"name":"n","plugins":[7]}', 'it has no list of plugins'],
    ['a.conflist', '{"name":"n","plugins":[{}]}', 'a plugin has no type'],
    ['a.conf', `{"name":"n","plugins":[${plugin}]}`, 'a plugin has no type'],
    ['a.conflist', `{"plugins":[${plugin}]}`, 'missing network name'],
  ];
  for (const [file, text, wanted] of cases) {
    test(`${file}: ${text}`, () => {
      const network = readNetwork(file, text);
      assert.deepEqual(typeof network === 'string' ? network : [network.name], wanted);
    });
  }

  test('what is no JSON says so', () => {
    assert.match(String(readNetwork('a.conflist', '{"name"')), /error unmarshall/);
  });
});

test('two lists are the same when they say the same, in whatever layout, in a version that all plugins speak', () => {
  const wanted = networkListText(PLUGIN_KINDS.flannel, 'cbr0', '1.0.0');
  const versions = [['0.3.1', '1.0.0']];
  assert(sameNetworkList(JSON.stringify(JSON.parse(wanted)), wanted, versions));
  assert(sameNetworkList(wanted.replace('1.0.0', '0.3.1'), wanted, versions));
  assert(!sameNetworkList(wanted.replace('1.0.0', '0.4.0'), wanted, versions));
  assert(!sameNetworkList(wanted.replace('cbr0', 'cbr1'), wanted, versions));
  assert(!sameNetworkList(wanted.replace('true', 'false'), wanted, versions));
  assert(!sameNetworkList('tangled', wanted, versions));
});
