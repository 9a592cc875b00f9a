/** Waits for an agent to say READY=1 on its NOTIFY_SOCKET, as systemd would (sd_notify(3)). */
import { rmSync } from 'node:fs';
import { loadNative } from '#netlink/native.ts';

const LONGEST_MESSAGE = 4096;

export interface ReadySignal extends Disposable {
  /** Value for the agent's NOTIFY_SOCKET. */
  readonly path: string;
  /** Settles when READY=1 arrives; never rejects. */
  readonly ready: Promise<void>;
  /** The last STATUS= so far; empty before there was one. */
  readonly status: () => string;
}

/** Binds a socket at `path`, replacing one that an earlier run left; dispose it to close and remove it. */
export function awaitReady(path: string): ReadySignal {
  const native = loadNative();
  rmSync(path, { force: true });
  const fd = native.bindDatagram(path);
  const buffer = new Uint8Array(LONGEST_MESSAGE);
  let open = true;
  let status = '';
  const { promise, resolve } = Promise.withResolvers<void>();
  native.poll(
    fd,
    () => {
      for (let length = receive(); length > 0; length = receive()) {
        const text = new TextDecoder().decode(buffer.subarray(0, Math.min(length, buffer.length)));
        const lines = text.split('\n');
        status = lines.find((line) => line.startsWith('STATUS='))?.slice('STATUS='.length) ?? status;
        if (lines.includes('READY=1')) resolve();
      }
    },
    false,
  );
  const receive = (): number => (open ? native.receive(fd, buffer, false) : 0);
  return {
    path,
    ready: promise,
    status: () => status,
    [Symbol.dispose]() {
      if (open) native.close(fd);
      open = false;
      rmSync(path, { force: true });
    },
  };
}
