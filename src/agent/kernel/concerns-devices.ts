/** Whether a notification is about our devices; a host's other links, Pods and ARP entries must not wake the agent. */
import { decodeLink } from '#netlink/link.ts';
import * as numbers from '#netlink/message.ts';
import type { MessageReader } from '#netlink/reader.ts';

/** Struct rtmsg and RTA_OIF, struct nhmsg and NHA_OIF (linux/rtnetlink.h, linux/nexthop.h). */
const ROUTE = { header: 12, device: 4 };
const NEXTHOP = { header: 8, device: 5 };
const INDEX_OFFSET = 4;

/** `indexes` are those that the devices named had when last looked at; a device made anew has another. */
export function concernsDevices(
  message: MessageReader,
  names: readonly string[],
  indexes: ReadonlySet<number>,
): boolean {
  switch (message.type) {
    // The host's own addresses decide which leases are refused, whatever link they are on.
    case numbers.RTM_NEWADDR:
    case numbers.RTM_DELADDR:
      return true;
    case numbers.RTM_NEWLINK:
      return indexes.has(message.u32(INDEX_OFFSET)) || names.includes(decodeLink(message)?.name ?? '');
    case numbers.RTM_DELLINK:
    case numbers.RTM_NEWNEIGH:
    case numbers.RTM_DELNEIGH:
      return indexes.has(message.u32(INDEX_OFFSET));
    case numbers.RTM_NEWROUTE:
    case numbers.RTM_DELROUTE:
      return indexes.has(deviceOf(message, ROUTE));
    case numbers.RTM_NEWNEXTHOP:
    case numbers.RTM_DELNEXTHOP:
      return indexes.has(deviceOf(message, NEXTHOP));
    default:
      return false;
  }
}

function deviceOf(message: MessageReader, layout: { readonly header: number; readonly device: number }): number {
  const attributes = message.attributes(layout.header);
  while (attributes.next()) if (attributes.type === layout.device) return attributes.u32();
  return 0;
}
