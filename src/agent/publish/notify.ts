/** Tells systemd (or whoever set NOTIFY_SOCKET) how the agent is: sd_notify(3) as a datagram. */
import { loadNative } from '#netlink/native.ts';

/** Without NOTIFY_SOCKET nothing is sent. A manager that does not listen is no reason to stop; it is told once. */
export function notifier(socket: string | undefined, onFailure: (why: string) => void): (text: string) => void {
  if (socket === undefined || socket === '') return () => undefined;
  let told: string | undefined;
  return (text) => {
    try {
      loadNative().sendDatagram(socket, Buffer.from(text));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why !== told) onFailure(why);
      told = why;
    }
  };
}
