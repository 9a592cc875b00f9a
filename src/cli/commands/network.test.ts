import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { TestOperator } from '#cli/test-context.ts';
import { networkCommand } from './network.ts';

const PREFIX = '/coreos.com/network';
const DOCUMENT = '{ "Network": "10.5.0.0/16", "Backend": { "Type": "vxlan", "VNI": 7 } }';
const RECORD =
  '{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":7,"VtepMAC":"8a:1b:af:8c:b2:78"}}';

function operatorWith(input: string): TestOperator {
  const operator = new TestOperator([networkCommand]);
  operator.input = input;
  return operator;
}

async function stored(operator: TestOperator): Promise<string | undefined> {
  const { kvs } = await operator.etcd.connect().range({ key: `${PREFIX}/config` });
  return kvs[0]?.value;
}

suite('network check', () => {
  test('a valid document is shown with everything that follows from it', async () => {
    const { code, out } = await operatorWith(DOCUMENT).run('network check -');
    assert.equal(code, 0);
    assert.equal(
      out,
      `FIELD                   VALUE
EnableIPv4              true
EnableIPv6              false
EnableNFTables          false
Network                 10.5.0.0/16
SubnetLen               24
SubnetMin               10.5.1.0
SubnetMax               10.5.255.0
Backend.Type            vxlan
Backend.VNI             7
hosts                   255
pod addresses per host  254
`,
    );
  });

  test('all problems are named at once, those of the backend too', async () => {
    const { code, out } = await operatorWith(
      '{"Network":"10.5.0.0/16","SubnetLen":31,"EnableIPv6":true,"Backend":{"Type":"vxlan","VNI":-1,"Port":"x"}}',
    ).run('network check - -o json');
    assert.equal(code, 1);
    const { valid, problems } = JSON.parse(out);
    assert.equal(valid, false);
    assert.deepEqual(
      problems.map((problem: { field: string }) => problem.field),
      ['IPv6Network', 'SubnetLen', 'Backend.VNI', 'Backend.Port'],
    );
  });

  test('a backend that there is not is named with those that there are', async () => {
    const { code, out } = await operatorWith('{"Network":"10.5.0.0/16","Backend":{"Type":"smoke"}}').run(
      'network check -',
    );
    assert.equal(code, 1);
    assert.match(out, /Backend\.Type +"smoke" +unknown backend type: use .*vxlan/);
  });

  for (const text of ['', 'null', '[]', '{"Network":', '{"Network":"10.5.0.0/16","Backend":[]}', '{"Backend":"x"}']) {
    test(`${JSON.stringify(text)} is refused in words`, async () => {
      const { code, out } = await operatorWith(text).run('network check -');
      assert.equal(code, 1);
      assert.match(out, /^FIELD +VALUE +REASON\n./);
    });
  }

  test('a file is read, with byte order mark or not; one that is not there is wrong usage', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-test-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'net.json'), `\ufeff${DOCUMENT}\n`);
    assert.equal((await operatorWith('').run(`network check ${folder}/net.json`)).code, 0);
    const missing = await operatorWith('').run(`network check ${folder}/nothing.json`);
    assert.equal(missing.code, 2);
    assert.match(missing.notes, /where: .*nothing\.json\n +why: +ENOENT/);
  });
});

suite('network get', () => {
  test('the document is printed byte for byte', async () => {
    const operator = operatorWith('');
    operator.etcd.putRaw(`${PREFIX}/config`, ' {"Network" : "10.5.0.0/16"}\t');
    assert.equal((await operator.run('network get')).out, ' {"Network" : "10.5.0.0/16"}\t');
    assert.equal((await operator.run('network get -o yaml')).out, 'Network: 10.5.0.0/16\n');
  });

  test('without a document the remedy is to write one', async () => {
    const { code, notes } = await operatorWith('').run('network get');
    assert.equal(code, 1);
    assert.match(notes, /where: +\/coreos\.com\/network\/config\n +remedy: write one: weft network set FILE/);
  });

  test('the prefix of the environment is used', async () => {
    const operator = operatorWith('');
    operator.environment = { FLANNELD_ETCD_PREFIX: '/kubernetes/network' };
    operator.etcd.putRaw('/kubernetes/network/config', 'theirs');
    assert.equal((await operator.run('network get')).out, 'theirs');
    assert.equal((await operator.run('network get --etcd-prefix /other')).code, 1);
  });
});

suite('network set', () => {
  test('the first document is written', async () => {
    const operator = operatorWith(`${DOCUMENT}\n`);
    const { code, notes } = await operator.run('network set -');
    assert.equal(code, 0);
    assert.match(notes, /^written \(\/coreos\.com\/network\/config at revision \d+\)\n$/);
    assert.equal(await stored(operator), DOCUMENT);
  });

  test('the same document again changes nothing', async () => {
    const operator = operatorWith(`${DOCUMENT}\n`);
    const before = operator.etcd.putRaw(`${PREFIX}/config`, DOCUMENT);
    const { code, notes } = await operator.run('network set -');
    assert.deepEqual([code, notes], [0, 'unchanged\n']);
    assert.equal((await operator.etcd.connect().range({ key: 'x' })).revision, before);
  });

  test('a different one is refused, and what would break is said', async () => {
    const operator = operatorWith(DOCUMENT.replace('10.5.', '10.9.'));
    operator.etcd.putRaw(`${PREFIX}/config`, DOCUMENT);
    operator.etcd.putRaw(`${PREFIX}/subnets/10.5.4.0-24`, RECORD);
    const { code, notes } = await operator.run('network set -');
    assert.equal(code, 1);
    assert.match(notes, /network\.exists/);
    assert.match(notes, /changes from 10\.5\.0\.0\/16 to 10\.9\.0\.0\/16/);
    assert.match(notes, /lease 10\.5\.4\.0-24 of host 192\.0\.2\.1 no longer fits/);
    assert.equal(await stored(operator), DOCUMENT);
  });

  test('--replace writes it, after saying the same', async () => {
    const other = DOCUMENT.replace('"VNI": 7', '"VNI": 8');
    const operator = operatorWith(other);
    operator.etcd.putRaw(`${PREFIX}/config`, DOCUMENT);
    const { code, notes } = await operator.run('network set - --replace');
    assert.equal(code, 0);
    assert.match(notes, /Backend\.VNI changes from 7 to 8.*\nreplaced /);
    assert.equal(await stored(operator), other);
  });

  test('--replace does not write over what it has not seen', async () => {
    const operator = operatorWith(DOCUMENT.replace('"VNI": 7', '"VNI": 8'));
    operator.etcd.putRaw(`${PREFIX}/config`, DOCUMENT);
    let transactions = 0;
    operator.beforeTxn = () => {
      transactions += 1;
      if (transactions === 2) operator.etcd.putRaw(`${PREFIX}/config`, '{"Network":"10.7.0.0/16"}');
    };
    const { code, notes } = await operator.run('network set - --replace');
    assert.equal(code, 1);
    assert.match(notes, /network\.changed/);
    assert.equal(await stored(operator), '{"Network":"10.7.0.0/16"}');
  });

  test('an invalid one is refused with all its problems, and etcd is not asked', async () => {
    const operator = operatorWith('{"SubnetLen":31,"Backend":{"Type":"smoke"}}');
    operator.beforeTxn = () => assert.fail('etcd was asked');
    const { code, notes } = await operator.run('network set -');
    assert.equal(code, 1);
    assert.match(notes, /SubnetLen/);
    assert.match(notes, /Network/);
    assert.match(notes, /smoke/);
  });

  test('over a document that is not valid --replace works too', async () => {
    const operator = operatorWith(DOCUMENT);
    operator.etcd.putRaw(`${PREFIX}/config`, 'rubbish');
    assert.match((await operator.run('network set -')).notes, /not valid, so no agent/);
    assert.equal((await operator.run('network set - --replace')).code, 0);
  });

  test('a fleet of hundreds does not flood the terminal', async () => {
    const operator = operatorWith(DOCUMENT.replace('10.5.', '10.9.'));
    operator.etcd.putRaw(`${PREFIX}/config`, DOCUMENT);
    for (let host = 1; host <= 200; host++) {
      operator.etcd.putRaw(`${PREFIX}/subnets/10.5.${host}.0-24`, RECORD.replace('192.0.2.1', `192.0.2.${host}`));
    }
    const { notes } = await operator.run('network set -');
    assert.match(notes, /… and 182 more\./);
    assert(notes.split('\n').length < 30);
  });

  test('--quiet says nothing', async () => {
    assert.equal((await operatorWith(DOCUMENT).run('network set - --quiet')).notes, '');
  });
});
