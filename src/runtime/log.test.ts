import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, type LogOptions } from './log.ts';

function written(options: Partial<LogOptions>, use: (log: ReturnType<typeof createLog>) => void): string {
  let text = '';
  const write = (line: string): void => {
    text += line;
  };
  use(createLog({ verbose: false, journal: false, now: () => 0, write, ...options }));
  return text;
}

test('a line has time, level, message and fields', () => {
  const text = written({}, (log) => log.info('leased', { subnet: '10.5.1.0/24', peers: 3, reason: undefined }));
  assert.equal(text, '1970-01-01T00:00:00.000Z level=info msg=leased subnet=10.5.1.0/24 peers=3\n');
});

test('under the journal the priority takes the place of the time', () => {
  const text = written({ journal: true }, (log) => {
    log.warn('slow');
    log.error('gone');
  });
  assert.equal(text, '<4>level=warn msg=slow\n<3>level=error msg=gone\n');
});

test('debug lines are for the verbose only', () => {
  assert.equal(
    written({}, (log) => log.debug('detail')),
    '',
  );
  assert.match(
    written({ verbose: true }, (log) => log.debug('detail')),
    /level=debug msg=detail/,
  );
});

test('a value cannot forge a field or a line', () => {
  const text = written({ journal: true }, (log) => log.info('peer', { mac: 'x level=error\n<0>forged' }));
  assert.equal(text, '<6>level=info msg=peer mac="x level=error\\n<0>forged"\n');
});

test('a value cannot command a terminal or hide its order: controls and marks of direction are written as codes', () => {
  const text = written({ journal: true }, (log) =>
    log.info('peer', { mac: '\u001b[2J\u009b2J\u2028\u202egnp\u007f é' }),
  );
  assert.equal(text, '<6>level=info msg=peer mac="\\u001b[2J\\u009b2J\\u2028\\u202egnp\\u007f é"\n');
});
