import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type AttachmentRecord, AttachmentRecords } from './attachment-record.ts';
import { systemFiles } from './files.ts';

const RECORD: AttachmentRecord = {
  containerId: 'c1',
  ifname: 'eth0',
  netns: '/run/netns/c1',
  namespace: '4:7',
  veth: 'veth00000001',
  addresses: undefined,
  rules: true,
  result: '',
};

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'weft-records-'));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('a record is found as it was written, and listed, and begins only once', (context) => {
  const path = folder(context);
  const records = new AttachmentRecords(join(path, 'net'), systemFiles);
  assert(records.begin(RECORD));
  assert(!records.begin(RECORD));
  assert.deepEqual(records.find(RECORD), RECORD);
  const complete = { ...RECORD, addresses: [0x0a050102, 0xfd00n], result: '{}', rules: false };
  records.complete(complete);
  assert.deepEqual(new AttachmentRecords(join(path, 'net'), systemFiles).list(), [complete]);
  assert.deepEqual(readdirSync(join(path, 'net')), ['c1:eth0']);
  records.remove(RECORD);
  assert.equal(records.find(RECORD), undefined);
  records.remove(RECORD);
});

for (const [what, text] of [
  ['is empty', ''],
  ['is no JSON', '{"format":1,'],
  ['is of a newer format', '{"format":2,"netns":"/x","namespace":"1:1","veth":"v","result":""}'],
  ['lacks a member', '{"format":1,"netns":"/x"}'],
] as const) {
  test(`a record that ${what} still tells which container there was, and that all of it is to be looked for`, (context) => {
    const path = folder(context);
    writeFileSync(join(path, 'c1:eth0'), text);
    writeFileSync(join(path, '.c2:eth0'), 'a file that was not put in its place');
    const unreadable = { ...RECORD, netns: '', namespace: '', veth: '' };
    assert.deepEqual(new AttachmentRecords(path, systemFiles).list(), [unreadable]);
  });
}
