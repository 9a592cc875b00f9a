/**
 * Message decoders: take the bytes of one message in pieces as they come from the wire and give its value at the end.
 */
import { malformed, ProtobufReader } from './protobuf-reader.ts';

export interface MessageDecoder<T> {
  /** A piece of the message; may be kept, so it must not be written to afterwards. */
  push(bytes: Buffer): void;
  /** The whole message has been pushed. */
  finish(): T;
}

/** Collects the message, then decodes it. */
export function wholeMessage<T>(decode: (reader: ProtobufReader) => T): MessageDecoder<T> {
  const pieces: Buffer[] = [];
  return {
    push: (bytes) => pieces.push(bytes),
    finish: () => decode(new ProtobufReader(joined(pieces))),
  };
}

function joined(pieces: readonly Buffer[]): Buffer {
  const first = pieces[0];
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
}

/**
 * Hands over the top-level fields as they become complete, and keeps only the bytes of the field that is not: so a
 * range answer of megabytes is never in memory as bytes. `visit` must read or skip the field.
 */
export function fieldByField<T>(
  visit: (field: number, reader: ProtobufReader) => void,
  finish: () => T,
): MessageDecoder<T> {
  let pieces: Buffer[] = [];
  let held = 0;
  let wanted = 1;
  return {
    push(bytes) {
      pieces.push(bytes);
      held += bytes.length;
      if (held < wanted) return;
      const data = joined(pieces);
      let at = 0;
      for (let end = fieldEnd(data, at); end <= data.length; end = fieldEnd(data, at)) {
        const reader = new ProtobufReader(data, at, end);
        visit(reader.field(), reader);
        at = end;
      }
      held = data.length - at;
      wanted = fieldEnd(data, at) - at;
      pieces = held === 0 ? [] : [Buffer.from(data.subarray(at))];
    },
    finish() {
      if (held > 0) throw malformed('a field is cut off');
      return finish();
    },
  };
}

/** Where the field at `at` ends; beyond the data when it is not complete (one more byte when not even that is known). */
function fieldEnd(data: Buffer, at: number): number {
  const tag = varintAt(data, at);
  if (tag === undefined) return data.length + 1;
  const wire = tag.value % 8;
  if (wire === 0) return varintAt(data, tag.end)?.end ?? data.length + 1;
  if (wire === 1) return tag.end + 8;
  if (wire === 5) return tag.end + 4;
  if (wire !== 2) throw malformed(`wire type ${wire} is not in use`);
  const length = varintAt(data, tag.end);
  return length === undefined ? data.length + 1 : length.end + length.value;
}

function varintAt(data: Buffer, at: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = data[at + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: at + i + 1 };
  }
  throw malformed('a number has more than ten bytes');
}
