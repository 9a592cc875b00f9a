/**
 * Generic netlink (linux/genetlink.h): the number of a family by its name, and the head that every request starts with.
 * All else is as with rtnetlink, so #netlink's socket, writer and reader serve it.
 */
import { ATTRIBUTE_HEADER } from '#netlink/message.ts';
import type { Native } from '#netlink/native.ts';
import type { MessageReader } from '#netlink/reader.ts';
import { NetlinkSocket } from '#netlink/socket.ts';
import type { MessageWriter } from '#netlink/writer.ts';

const NETLINK_GENERIC = 16;
const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_VERSION = 1;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
/** Families made since Linux 5.2, and WireGuard's is one, refuse a nested attribute without it. */
const NLA_F_NESTED = 0x8000;

/** Length of struct genlmsghdr, in front of the attributes. */
export const GENERIC_HEADER = 4;

/** A socket for generic netlink in the network namespace at that path, by default in the process's own. */
export function openGenericNetlink(namespace?: string, native?: Native): NetlinkSocket {
  return new NetlinkSocket(namespace, native, NETLINK_GENERIC);
}

/** Starts a request: message type (the family's number), flags, command, version of the family. */
export function beginGeneric(
  writer: MessageWriter,
  head: { readonly family: number; readonly flags: number; readonly command: number; readonly version: number },
): void {
  writer.begin(head.family, head.flags);
  writer.u8(head.command);
  writer.u8(head.version);
  writer.u16(0);
}

/** Starts a nested attribute, marked as one; the result is for endNested(). */
export function beginMarkedNested(writer: MessageWriter, type: number): number {
  return writer.beginNested(type | NLA_F_NESTED);
}

/** An attribute of these bytes, padded. */
export function attributeBytes(writer: MessageWriter, type: number, bytes: Uint8Array): void {
  writer.u16(ATTRIBUTE_HEADER + bytes.length);
  writer.u16(type);
  for (const byte of bytes) writer.u8(byte);
  for (let length = bytes.length; length % 4 !== 0; length++) writer.u8(0);
}

/** An attribute of 16 bits in host order. */
export function attributeU16(writer: MessageWriter, type: number, value: number): void {
  attributeBytes(writer, type, Uint8Array.of(value & 255, value >>> 8));
}

/**
 * The number of a family; undefined when the kernel has none of that name. Asking loads the module that has it, where the
 * kernel loads modules.
 */
export function resolveFamily(socket: NetlinkSocket, name: string): number | undefined {
  const request = (writer: MessageWriter): void => {
    beginGeneric(writer, { family: GENL_ID_CTRL, flags: 0, command: CTRL_CMD_GETFAMILY, version: CTRL_VERSION });
    writer.attributeText(CTRL_ATTR_FAMILY_NAME, name);
    writer.end();
  };
  return socket.get(request, familyNumber, ['ENOENT', 'EOPNOTSUPP']);
}

function familyNumber(message: MessageReader): number | undefined {
  if (message.type !== GENL_ID_CTRL) return undefined;
  const attributes = message.attributes(GENERIC_HEADER);
  while (attributes.next()) if (attributes.type === CTRL_ATTR_FAMILY_ID) return attributes.bytes().readUInt16LE(0);
  return undefined;
}
