import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Fault } from '#runtime/fault.ts';
import { loadFrom, loadNative } from './native.ts';

const native = loadNative();
const run = promisify(execFile);
const HERE = JSON.stringify(new URL('native.ts', import.meta.url).href);

/** Exit code 0 and what the program printed; a crash or a non-zero exit rejects. */
async function program(script: string, timeoutMs = 10_000): Promise<string> {
  const head = `import { loadNative } from ${HERE}; const native = loadNative();`;
  const options = { timeout: timeoutMs, killSignal: 'SIGKILL' } as const;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', head + script], options);
  return stdout;
}

function temporary(name: string): string {
  return join(tmpdir(), `weft-${process.pid}-${name}`);
}

const NEITHER_FD_NOR_TEXT = [
  undefined,
  null,
  true,
  {},
  [],
  () => 0,
  -1,
  1.5,
  Number.NaN,
  2 ** 40,
  10n,
  Symbol('x'),
  '',
];

for (const [name, member] of Object.entries(native)) {
  // There is nothing that trimHeap could refuse.
  if (typeof member !== 'function' || name === 'trimHeap') continue;
  test(`${name} throws on malformed arguments of every kind`, () => {
    for (const first of NEITHER_FD_NOR_TEXT) {
      for (const second of NEITHER_FD_NOR_TEXT) {
        assert.throws(() => Reflect.apply(member, undefined, [first, second, second, second]), TypeError);
      }
    }
    assert.throws(() => Reflect.apply(member, undefined, []), TypeError);
  });
}

test('lengths and offsets outside the buffer throw', () => {
  const fd = native.openNetlink(0, 0, 100);
  try {
    const bytes = new Uint8Array(8);
    for (const [offset, length] of [
      [0, 9],
      [8, 1],
      [9, 0],
      [-1, 1],
      [0, 0],
      [4, 5],
    ] as const) {
      assert.throws(() => native.send(fd, bytes, offset, length), TypeError);
    }
    assert.throws(() => native.receive(fd, new Uint8Array(0), false), TypeError);
    const detached = new Uint8Array(8);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    assert.throws(() => native.receive(fd, detached, false), TypeError);
    const words: unknown = new Uint16Array(8);
    assert.throws(() => Reflect.apply(native.receive, undefined, [fd, words, false]), TypeError);
  } finally {
    native.close(fd);
  }
});

test('a path with NUL in it, or one too long, throws', () => {
  assert.throws(() => native.bindDatagram('/tmp/a\0b'), TypeError);
  assert.throws(() => native.bindDatagram(`/tmp/${'a'.repeat(110)}`), TypeError);
  assert.throws(() => native.inNamespace('a'.repeat(5000), () => 0), TypeError);
});

test('a failed system call is an error with code, errno and the call', () => {
  const expected = { code: 'ENOENT', errno: -2, syscall: 'open', message: 'open: ENOENT: no such file or directory' };
  assert.throws(() => native.inNamespace('/run/netns/weft-none', () => 0), expected);
  assert.throws(() => native.close(1_000_000), { code: 'EBADF', syscall: 'close' });
  assert.throws(() => native.sendDatagram(temporary('nobody'), Buffer.from('x')), { code: 'ENOENT' });
});

test('a socket that hears nothing gives up after its receive time-out', () => {
  const fd = native.openNetlink(0, 0, 50);
  try {
    const start = performance.now();
    assert.equal(native.receive(fd, new Uint8Array(64), true), 0);
    const elapsed = performance.now() - start;
    assert.ok(elapsed >= 45 && elapsed < 2_000, `${elapsed} ms`);
    assert.equal(native.receive(fd, new Uint8Array(64), false), 0);
  } finally {
    native.close(fd);
  }
});

for (const path of [temporary('notify'), `@weft-${process.pid}`]) {
  test(`a datagram sent to ${path.startsWith('@') ? 'an abstract name' : 'a path'} wakes the one bound there`, async () => {
    const fd = native.bindDatagram(path);
    try {
      const received = new Promise<string>((resolve) => {
        const wake = (): void => {
          const buffer = Buffer.alloc(64);
          const length = native.receive(fd, buffer, false);
          resolve(buffer.toString('utf8', 0, length));
        };
        native.poll(fd, wake, true);
      });
      native.sendDatagram(path, Buffer.from('READY=1\nSTATUS=ok'));
      assert.equal(await received, 'READY=1\nSTATUS=ok');
      assert.equal(native.receive(fd, Buffer.alloc(8), false), 0, 'there is no second one');
      native.sendDatagram(path, Buffer.from('0123456789'));
      assert.equal(native.receive(fd, Buffer.alloc(4), false), 10, 'a cut datagram tells its whole length');
    } finally {
      native.close(fd);
      rmSync(path, { force: true });
    }
  });
}

test('one descriptor has one callback, and polling can end and begin again', async () => {
  const path = `@weft-${process.pid}-again`;
  const fd = native.bindDatagram(path);
  try {
    native.poll(fd, () => assert.fail('ended before it could be called'), false);
    assert.throws(() => native.poll(fd, () => undefined, false), { code: 'EEXIST' });
    native.unpoll(fd);
    native.unpoll(fd);
    // libuv lets go of the descriptor at once, and of the handle in the next turn.
    const woken = new Promise<void>((resolve) => {
      const wake = (): void => {
        native.unpoll(fd);
        resolve();
      };
      native.poll(fd, wake, true);
    });
    native.sendDatagram(path, Buffer.from('x'));
    await woken;
  } finally {
    native.close(fd);
  }
});

test('polling does not hold the process up', async () => {
  const script = `native.poll(native.bindDatagram('@weft-' + process.pid), () => {}, false); console.log('end');`;
  assert.equal(await program(script), 'end\n');
});

test('polling holds the process up when asked to, until it ends', async () => {
  const script = `
    const path = '@weft-' + process.pid;
    const fd = native.bindDatagram(path);
    native.poll(fd, () => { console.log('woken'); native.close(fd); }, true);
    setTimeout(() => native.sendDatagram(path, Buffer.from('x')), 100).unref();`;
  assert.equal(await program(script), 'woken\n');
});

test('an error in a callback is an uncaught exception, and microtasks run behind callbacks', async () => {
  const script = `
    const path = '@weft-' + process.pid;
    const fd = native.bindDatagram(path);
    process.on('uncaughtException', (error) => { console.log(error.message); native.close(fd); });
    native.poll(fd, () => { Promise.resolve().then(() => console.log('microtask')); throw new Error('thrown'); }, true);
    native.sendDatagram(path, Buffer.from('x'));`;
  const output = await program(script);
  assert.match(output, /thrown/);
  assert.match(output, /microtask/);
});

test('a worker that ends while it polls leaves the process whole', async () => {
  const script = `
    import { Worker } from 'node:worker_threads';
    const code = 'import { loadNative } from ' + JSON.stringify(${HERE}) + '; import { parentPort } from "node:worker_threads";' +
      'const native = loadNative();' +
      'for (let n = 0; n < 5; n++) native.poll(native.bindDatagram("@weft-w-" + process.pid + "-" + n + "-" + Math.random()), () => {}, true);' +
      'parentPort.postMessage("up");';
    for (let round = 0; round < 5; round++) {
      const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(code)));
      await new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject); });
      await worker.terminate();
    }
    native.poll(native.bindDatagram('@weft-' + process.pid), () => {}, true);
    console.log('end');
    process.exit(0);`;
  assert.equal(await program(script), 'end\n');
});

test('an addon that is missing or no addon is a Fault with a remedy', () => {
  const file = temporary('broken.node');
  writeFileSync(file, 'no addon');
  try {
    for (const path of [file, `${file}.none`]) {
      assert.throws(
        () => loadFrom(path),
        (error) =>
          error instanceof Fault && error.code === 'kernel.addon' && error.remedy !== '' && error.where === path,
      );
    }
  } finally {
    rmSync(file);
  }
});

test('trimHeap takes nothing and gives nothing', () => {
  assert.equal(native.trimHeap(), undefined);
});

test('what is sent later is sent whole, and its end is told, with the error if there was one', async () => {
  const path = temporary('later');
  const receiver = native.bindDatagram(path);
  const sender = native.openNetlink(0, 0, 1000);
  try {
    const told = (fd: number, bytes: Uint8Array): Promise<number> =>
      new Promise((resolve) => native.sendLater(fd, bytes, resolve));
    // A netlink message of no known kind is taken, and answered.
    const message = Uint8Array.from([16, 0, 0, 0, 0xff, 0xff, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    assert.equal(await told(sender, message), 0);
    assert(native.receive(sender, new Uint8Array(256), true) > 16);
    assert.equal(await told(receiver, message), 107, 'ENOTCONN');
    assert.throws(() => Reflect.apply(native.sendLater, undefined, [sender, message, 7]), TypeError);
  } finally {
    native.close(sender);
    native.close(receiver);
    rmSync(path);
  }
});
