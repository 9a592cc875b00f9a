/** One question and one answer over the unix socket of a WireGuard program. Time and length are bounded. */
import { connect } from 'node:net';
import { Fault } from '#runtime/fault.ts';

const TIMEOUT_MS = 10_000;
/** About 500 bytes per peer. */
const MOST_BYTES = 64 * 1024 * 1024;
const END = Buffer.from('\n\n');

/** The answer, up to and with its empty line; undefined when nobody listens there. Fault `wireguard.device` otherwise. */
export function askSocket(path: string, request: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let tail: Buffer = Buffer.alloc(0);
    const socket = connect({ path });
    const fail = (why: string, cause?: unknown): void => {
      socket.destroy();
      reject(new Fault('wireguard.device', { what: 'the WireGuard program does not answer', where: path, why, cause }));
    };
    socket.setTimeout(TIMEOUT_MS, () => fail(`nothing came within ${TIMEOUT_MS / 1000} s`));
    socket.on('error', (error) => {
      const code = 'code' in error ? error.code : undefined;
      if (code !== 'ENOENT' && code !== 'ECONNREFUSED') return fail(error.message, error);
      socket.destroy();
      resolve(undefined);
    });
    socket.on('close', () => fail('it closed the connection'));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MOST_BYTES) return fail(`the answer is longer than ${MOST_BYTES / 2 ** 20} MiB`);
      // The end may come in two pieces.
      tail = Buffer.concat([tail.subarray(-1), chunk]);
      if (!tail.subarray(-2).equals(END)) return;
      resolve(Buffer.concat(chunks).toString('latin1'));
      socket.destroy();
    });
    socket.write(request);
  });
}
