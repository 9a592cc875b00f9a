import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { validAttachments } from './configuration.ts';
import { CniError } from './error.ts';
import { type Environment, parseRequest } from './request.ts';

const ENVIRONMENT: Environment = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/c1',
  CNI_IFNAME: 'eth0',
  CNI_ARGS: 'K8S_POD_NAME=web',
  CNI_PATH: '/opt/cni/bin:/usr/lib/cni',
};
const CONFIG = '{"cniVersion":"1.0.0","name":"cbr0","type":"flannel"}';

function refusal(environment: Environment, input = CONFIG): CniError {
  try {
    parseRequest(environment, input);
  } catch (error) {
    assert(error instanceof CniError, String(error));
    return error;
  }
  throw new Error('nothing was refused');
}

test('a request has its variables and its configuration', () => {
  const { config, ...request } = parseRequest(ENVIRONMENT, CONFIG);
  assert.deepEqual(request, {
    command: 'ADD',
    containerId: 'c1',
    netns: '/run/netns/c1',
    ifname: 'eth0',
    args: 'K8S_POD_NAME=web',
    path: ['/opt/cni/bin', '/usr/lib/cni'],
    version: '1.0.0',
  });
  assert.equal(config.name, 'cbr0');
});

suite('variables that are missing are named, all of them', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['ADD', 'CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH'],
    ['CHECK', 'CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH'],
    ['DEL', 'CNI_CONTAINERID,CNI_IFNAME,CNI_PATH'],
    ['STATUS', 'CNI_PATH'],
    ['GC', 'CNI_PATH'],
  ];
  for (const [command, names] of cases) {
    test(command, () => {
      const { code, message } = refusal({ CNI_COMMAND: command, CNI_CONTAINERID: '' });
      assert.deepEqual([code, message], [4, `required env variables [${names}] missing`]);
    });
  }
});

test('DEL needs no namespace: the container may be gone', () => {
  assert.equal(parseRequest({ ...ENVIRONMENT, CNI_COMMAND: 'DEL', CNI_NETNS: '' }, CONFIG).netns, '');
});

test('an unknown command is refused', () => {
  assert.deepEqual(
    [refusal({ CNI_COMMAND: 'add' }).code, refusal({ CNI_COMMAND: 'add' }).message],
    [4, 'unknown CNI_COMMAND: add'],
  );
});

suite('a container id that could leave its folder, or be no name of a file, is refused', () => {
  for (const id of ['../c1', 'a/b', '..', '.', '.hidden', '-rf', 'a b', 'a\nb', 'a@eth0', 'ä', 'x'.repeat(201)]) {
    test(JSON.stringify(id.slice(0, 20)), () => {
      const { code, message } = refusal({ ...ENVIRONMENT, CNI_CONTAINERID: id });
      assert.equal(code, 4);
      assert.match(message, /^CNI_CONTAINERID: /);
    });
  }
});

suite('an interface name that the kernel would refuse is refused', () => {
  for (const name of ['abcdefghijklmnop', '.', '..', 'a/b', 'a:b', 'a b']) {
    test(JSON.stringify(name), () => {
      const { code, message } = refusal({ ...ENVIRONMENT, CNI_IFNAME: name });
      assert.equal(code, 4);
      assert.match(message, /^CNI_IFNAME: /);
    });
  }
});

suite('a configuration that cannot be used is refused with the code of the specification', () => {
  const cases: readonly (readonly [number, string, RegExp])[] = [
    [6, '', /error unmarshall network config/],
    [6, '{"name":', /error unmarshall network config/],
    [6, '[]', /no JSON object/],
    [6, '{"name":7}', /name must be a string/],
    [6, '{"name":"a","cniVersion":1}', /cniversion must be a string/],
    [7, '{"cniVersion":"1.0.0"}', /missing network name/],
    [7, '{"name":"../x"}', /invalid characters found in network name/],
    [1, '{"name":"a","cniVersion":"9.9.9"}', /incompatible CNI versions/],
    [1, '{"name":"a","cniVersion":"1.0"}', /incompatible CNI versions/],
  ];
  for (const [code, input, words] of cases) {
    test(input || 'nothing', () => {
      const error = refusal(ENVIRONMENT, input);
      assert.equal(error.code, code);
      assert.match(error.message, words);
    });
  }
});

test('the versions that there are stand in the details of a version that there is not', () => {
  const { details } = refusal(ENVIRONMENT, '{"name":"a","cniVersion":"2.0.0"}');
  assert.equal(details, 'config is "2.0.0", plugin supports ["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]');
});

test('a configuration without a version is of 0.1.0', () => {
  assert.equal(parseRequest(ENVIRONMENT, '{"name":"a"}').version, '0.1.0');
});

test('members are found in any case', () => {
  const { version, config } = parseRequest(ENVIRONMENT, '{"NAME":"a","CniVersion":"0.4.0"}');
  assert.deepEqual([version, config.name], ['0.4.0', 'a']);
});

test('CHECK came with 0.4.0, STATUS and GC with 1.1.0; an older configuration does not allow them', () => {
  for (const [command, version] of [
    ['CHECK', '0.3.1'],
    ['STATUS', '1.0.0'],
    ['GC', '1.0.0'],
  ]) {
    const error = refusal({ ...ENVIRONMENT, CNI_COMMAND: command }, `{"name":"a","cniVersion":"${version}"}`);
    assert.deepEqual([error.code, error.message], [1, `config version does not allow ${command}`]);
  }
});

test('whatever comes in, the answer is a request or an error of CNI', () => {
  const text = fc.oneof(fc.string(), fc.json(), fc.constant(CONFIG));
  fc.assert(
    fc.property(fc.record({ id: fc.string(), ifname: fc.string(), input: text }), ({ id, ifname, input }) => {
      try {
        const request = parseRequest({ ...ENVIRONMENT, CNI_CONTAINERID: id, CNI_IFNAME: ifname }, input);
        assert.doesNotMatch(request.containerId, /[/@]|^\./);
      } catch (error) {
        assert(error instanceof CniError, String(error));
      }
    }),
  );
});

suite('the attachments that GC keeps', () => {
  const read = (members: string): unknown => {
    const gc = { ...ENVIRONMENT, CNI_COMMAND: 'GC' };
    return validAttachments(parseRequest(gc, `{"name":"a","cniVersion":"1.1.0"${members}}`).config);
  };

  test('are read by both names that they have', () => {
    const wanted = [{ containerId: 'c1', ifname: 'eth0' }];
    assert.deepEqual(read(',"cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"}]'), wanted);
    assert.deepEqual(read(',"cni.dev/attachments":[{"containerID":"c1","ifname":"eth0"}]'), wanted);
  });

  test('are none when the list is empty or null', () => {
    assert.deepEqual(read(',"cni.dev/valid-attachments":[]'), []);
    assert.deepEqual(read(',"cni.dev/valid-attachments":null'), []);
  });

  test('must be given, since without them all would go', () => {
    assert.throws(() => read(''), /GC without cni.dev\/valid-attachments: nothing was removed/);
  });

  test('must each have both members', () => {
    assert.throws(() => read(',"cni.dev/valid-attachments":[{"containerID":"c1"}]'), /without containerID or ifname/);
  });
});
