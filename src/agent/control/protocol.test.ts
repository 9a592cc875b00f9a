import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { Fault } from '#runtime/fault.ts';
import { decodeAnswer, decodeRequest, encodeFault, encodeRequest, encodeResult } from './protocol.ts';

suite('a request', () => {
  test('is written on one line and read back', () => {
    const request = { method: 'status', params: { peers: true } };
    assert.equal(encodeRequest(request), '{"method":"status","params":{"peers":true}}\n');
    assert.deepEqual(decodeRequest(encodeRequest(request)), request);
  });

  test('needs no params, and what else is in it is passed over', () => {
    assert.deepEqual(decodeRequest('{"method":"status","id":7}'), { method: 'status', params: {} });
  });

  for (const [line, what] of [
    ['', 'the request is no JSON object'],
    ['rubbish', 'the request is no JSON object'],
    ['[1]', 'the request is no JSON object'],
    ['null', 'the request is no JSON object'],
    ['{}', 'the request names no method'],
    ['{"method":7}', 'the request names no method'],
    ['{"method":"status","params":[]}', 'params is no JSON object'],
  ] as const) {
    test(`${JSON.stringify(line)} is refused: ${what}`, () => {
      assert.throws(() => decodeRequest(line), { code: 'agent.request', message: what });
    });
  }

  test('of any text is a request or a Fault', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((json) => `{"method":${json},"params":${json}}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          assert.equal(typeof decodeRequest(text).method, 'string');
        } catch (error) {
          assert(error instanceof Fault && error.code === 'agent.request');
        }
      }),
    );
  });
});

suite('an answer', () => {
  test('is the result, any JSON value', () => {
    for (const value of [{ a: [1] }, 'text', 0, false, null])
      assert.deepEqual(decodeAnswer(encodeResult(value)), value);
  });

  test('is a fault with all that it says', () => {
    const fault = new Fault('lease.lost', {
      what: 'it is gone',
      where: '/key',
      why: 'somebody has it',
      remedy: 'look',
    });
    assert.throws(() => decodeAnswer(encodeFault(fault)), {
      code: 'lease.lost',
      message: 'it is gone',
      where: '/key',
      why: 'somebody has it',
      remedy: 'look',
    });
  });

  test('with a code that this version does not know is a fault all the same', () => {
    const line = '{"error":{"code":"moon.phase","message":"it is full","remedy":"wait"}}';
    assert.throws(() => decodeAnswer(line), { code: 'agent.answer', message: 'it is full', remedy: 'wait' });
    assert.throws(() => decodeAnswer('{"error":{"code":"toString"}}'), { code: 'agent.answer' });
  });

  for (const line of ['', '7', '{}', '{"error":"no"}']) {
    test(`${JSON.stringify(line)} cannot be read`, () => {
      assert.throws(() => decodeAnswer(line), { code: 'agent.answer' });
    });
  }
});
