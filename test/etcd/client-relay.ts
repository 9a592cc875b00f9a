/** A TCP relay in front of a member, whose connections a test can cut, freeze and count. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Cleanup } from './client-fixture.ts';

export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections are refused (closed at once) while true. */
  refusing: boolean = false;
  /** Connections taken so far. */
  connections = 0;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer((near) => {
      this.connections++;
      if (this.refusing) {
        near.resetAndDestroy();
        return;
      }
      const far = connect(target);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
  }

  static async start(context: Cleanup, endpoint: string): Promise<Relay> {
    const { hostname, port } = new URL(endpoint);
    const relay = new Relay({ host: hostname, port: Number(port) });
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    context.after(() => {
      relay.cut();
      relay.#server.close();
    });
    return relay;
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the relay listens on a port');
    return address.port;
  }

  /** Ends all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nothing passes any more, in either direction, but connections stay open. */
  freeze(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }
}
