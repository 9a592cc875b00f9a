import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { LinkRemover } from './link-remover.ts';
import { NLMSG_ERROR } from './message.ts';

const REQUESTS = 10;
const ENODEV = 19;

/** What the kernel does with one batch. */
interface Course {
  /** Of the send itself. */
  readonly errno?: number;
  /** Of the request of that number; without any the kernel says nothing. */
  readonly answers?: readonly { readonly sequence: number; readonly error: number }[];
  /** Reading the answer fails. */
  readonly unreadable?: boolean;
}

/** A native part on which batches go as given, one after another. */
function removerOf(courses: readonly Course[]) {
  const open = new Set<number>();
  const left = [...courses];
  let course: Course = {};
  let unread: Buffer[] = [];
  let next = REQUESTS;
  const remover = new LinkRemover(undefined, {
    inNamespace: (_path, work) => work(),
    openNetlink: () => {
      open.add(next);
      return next++;
    },
    joinGroup: () => undefined,
    poll: () => undefined,
    close: (fd) => void open.delete(fd),
    sendLater: (_fd, _bytes, callback) => {
      course = left.shift() ?? assert.fail('a batch more than expected');
      unread = (course.answers ?? []).map(({ sequence, error }) => answer(sequence, error));
      setImmediate(callback, course.errno ?? 0);
    },
    receive: (_fd, buffer) => {
      if (course.unreadable === true) throw new Error('ENOBUFS: recv');
      const bytes = unread.shift();
      if (bytes === undefined) return 0;
      buffer.set(bytes);
      return bytes.length;
    },
  });
  return { remover, open };
}

/** NLMSG_ERROR about a request without a body; error 0 is an acknowledgement. */
function answer(sequence: number, error: number): Buffer {
  const bytes = Buffer.alloc(36);
  bytes.writeUInt32LE(36, 0);
  bytes.writeUInt16LE(NLMSG_ERROR, 4);
  bytes.writeUInt32LE(sequence, 8);
  bytes.writeInt32LE(-error, 16);
  bytes.writeUInt32LE(16, 20);
  return bytes;
}

test('a link is gone when the kernel acknowledges its deletion', async () => {
  const { remover, open } = removerOf([{ answers: [{ sequence: 1, error: 0 }] }]);
  assert.equal(await remover.remove('veth1'), undefined);
  assert.equal(open.size, 0);
});

test('the links of a batch have a refusal each', async () => {
  const alone = { answers: [{ sequence: 1, error: 0 }] };
  const batch = {
    answers: [
      { sequence: 1, error: ENODEV },
      { sequence: 3, error: 0 },
    ],
  };
  const { remover } = removerOf([alone, batch]);
  const [, absent, present] = await Promise.all(['veth1', 'veth2', 'veth3'].map((name) => remover.remove(name)));
  assert.equal(absent?.code, 'ENODEV');
  assert.equal(present, undefined);
});

suite('a link is not said to be gone when', () => {
  const COURSES: Readonly<Record<string, readonly [course: Course, why: RegExp]>> = {
    'the request could not be sent': [{ errno: 12 }, /ENOMEM/],
    'the answer cannot be read': [{ unreadable: true }, /ENOBUFS/],
    'there is no answer': [{}, /did not answer/],
    'the last request of the batch is not answered': [{ answers: [{ sequence: 7, error: ENODEV }] }, /did not answer/],
  };
  for (const [name, [course, why]] of Object.entries(COURSES)) {
    test(name, async () => {
      const { remover, open } = removerOf([course, { answers: [{ sequence: 1, error: 0 }] }]);
      await assert.rejects(remover.remove('veth1'), (error) => {
        assert.ok(error instanceof Fault);
        assert.equal(error.code, 'kernel.netlink');
        assert.match(String(error), /cannot delete links: veth1/);
        assert.match(String(error), why);
        return true;
      });
      assert.equal(open.size, 0);
      assert.equal(await remover.remove('veth1'), undefined, 'the next one goes its way');
    });
  }
});
