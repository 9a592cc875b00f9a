/** WireguardControl over the unix sockets of programs such as wireguard-go, which `wg` uses too. */
import { join } from 'node:path';
import { Fault } from '#runtime/fault.ts';
import type { RefusedPeer, WireguardChange, WireguardControl } from './device.ts';
import { askSocket } from './uapi-socket.ts';
import { formatSetRequest, GET_REQUEST, parseGetAnswer, refusalOf } from './uapi-text.ts';

/** Where the programs make their sockets; `wg` knows no other place. */
export const SOCKET_DIRECTORY = '/var/run/wireguard';

/** The socket of a device. */
export function socketPath(name: string, directory: string = SOCKET_DIRECTORY): string {
  return join(directory, `${name}.sock`);
}

export function userSpaceControl(directory: string = SOCKET_DIRECTORY): WireguardControl {
  const set = async (name: string, change: WireguardChange): Promise<string | undefined> => {
    const answer = await askSocket(socketPath(name, directory), formatSetRequest(change));
    if (answer !== undefined) return refusalOf(answer);
    throw new Fault('wireguard.device', { what: `no WireGuard program serves ${name}`, where: directory });
  };
  return {
    async read(name) {
      const answer = await askSocket(socketPath(name, directory), GET_REQUEST);
      if (answer === undefined) return undefined;
      const refusal = refusalOf(answer);
      if (refusal === undefined) return parseGetAnswer(answer);
      throw new Fault('wireguard.device', { what: `${name} does not show its settings`, why: refusal });
    },
    async write(name, change) {
      if ((await set(name, change)) === undefined) return [];
      // The program stops at the first thing that it does not take. One by one, only that one is missing in the end.
      const why = await set(name, { ...change, peers: [] });
      if (why !== undefined) throw new Fault('wireguard.device', { what: `${name} refuses its settings`, why });
      const refused: RefusedPeer[] = [];
      for (const peer of change.peers) {
        const reason = await set(name, { peers: [peer] });
        if (reason !== undefined) refused.push({ publicKey: peer.publicKey, reason });
      }
      return refused;
    },
    close() {},
  };
}
