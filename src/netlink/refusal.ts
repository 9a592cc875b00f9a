/** Refusal: what the kernel says when it does not do what it was asked for (NLMSG_ERROR). */
import { getSystemErrorMap } from 'node:util';
import { Fault } from '#runtime/fault.ts';
import { align, MESSAGE_HEADER, malformed } from './message.ts';
import type { MessageReader } from './reader.ts';

const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

export interface Refusal {
  /** Positive, as in errno.h. */
  readonly errno: number;
  /** Its name, `EEXIST`. */
  readonly code: string;
  /** The kernel's own words (extended acknowledgement), else the usual text for the errno. */
  readonly text: string;
}

/** Reads an NLMSG_ERROR; undefined when it is an acknowledgement (error 0). */
export function decodeError(message: MessageReader): Refusal | undefined {
  const error = message.i32(0);
  if (error === 0) return undefined;
  // Unless it is capped, the whole request stands behind the error.
  const request = (message.flags & NLM_F_CAPPED) === 0 ? Math.max(message.u32(4), MESSAGE_HEADER) : MESSAGE_HEADER;
  if (request > message.bodyLength) throw malformed(`an error about a request of ${request} bytes`);
  return refusal(message, error, 4 + align(request));
}

/** Reads an NLMSG_DONE, the end of a dump; undefined when the dump went well. */
export function decodeDone(message: MessageReader): Refusal | undefined {
  const error = message.bodyLength < 4 ? 0 : message.i32(0);
  return error === 0 ? undefined : refusal(message, error, 4);
}

function refusal(message: MessageReader, error: number, attributesAt: number): Refusal {
  const errno = Math.abs(error);
  const [code, usual] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, `error ${errno}`];
  return { errno, code, text: kernelText(message, attributesAt) ?? usual };
}

function kernelText(message: MessageReader, attributesAt: number): string | undefined {
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return undefined;
  const attributes = message.attributes(attributesAt);
  while (attributes.next()) {
    if (attributes.type === NLMSGERR_ATTR_MSG) return attributes.text();
  }
  return undefined;
}

/** The Fault that reports a refusal. `what` is the request in the operator's words, `ip route replace …`. */
export function refusalFault(what: string, refused: Refusal, where?: string): Fault {
  const why = `the kernel says ${refused.code}: ${refused.text}`;
  return new Fault('kernel.netlink', { what, why, ...(where === undefined ? {} : { where }) });
}
