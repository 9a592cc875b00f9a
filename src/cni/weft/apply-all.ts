/** A few requests to the kernel that belong together; the first that it refuses is the error. */
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import type { Encode, NetlinkSocket } from '#netlink/socket.ts';

/** Throws CniError 999 with `what`, unless the refusal's code is in `fine`. */
export function applyAll(
  socket: NetlinkSocket,
  requests: readonly Encode[],
  what: string,
  fine: readonly string[] = [],
): void {
  const { failed } = socket.train(requests, (writer, encode) => encode(writer));
  const refused = failed.find(({ refusal }) => !fine.includes(refusal.code));
  if (refused === undefined) return;
  const { code, text } = refused.refusal;
  throw new CniError(CNI_CODES.internal, what, `the kernel says ${code}: ${text}`);
}
