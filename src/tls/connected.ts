/** Waits until a socket is connected and its server verified. */
import type { Socket } from 'node:net';
import type { Fault } from '#runtime/fault.ts';

export interface Connecting {
  readonly readyEvent: 'connect' | 'secureConnect';
  readonly timeoutMs: number;
  /** Why the server is not to be spoken to; nothing is sent before. */
  readonly verify: () => Fault | undefined;
  /** `reached`: TCP was connected. No error: the other side closed. */
  readonly failed: (error: Error | undefined, reached: boolean) => Fault;
  readonly late: (missing: string) => Fault;
}

/** Gives the socket back or throws a Fault; the socket is destroyed then. */
export function connected(socket: Socket, connecting: Connecting): Promise<Socket> {
  const { readyEvent, timeoutMs, verify, failed, late } = connecting;
  return new Promise((resolve, reject) => {
    let reached = false;
    const settle = (fault: Fault | undefined): void => {
      clearTimeout(timer);
      socket.off('error', onError).off('close', onClose).off(readyEvent, onReady);
      if (fault === undefined) {
        resolve(socket);
        return;
      }
      // A late error of a socket that was given up concerns nobody.
      socket.on('error', () => {});
      socket.destroy();
      reject(fault);
    };
    const onError = (error: Error): void => settle(failed(error, reached));
    const onClose = (): void => settle(failed(undefined, reached));
    const onReady = (): void => settle(verify());
    const timer = setTimeout(() => settle(late(reached ? 'no TLS handshake' : 'no TCP connection')), timeoutMs);
    socket.once('connect', () => {
      reached = true;
    });
    socket.on('error', onError).on('close', onClose).on(readyEvent, onReady);
  });
}
