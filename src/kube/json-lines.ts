/** Splits a stream of bytes into lines: a watch sends one JSON object a line, in pieces cut anywhere. */

/** A Node object is 1.5 MB at most, which is what etcd stores. */
const LONGEST_LINE_BYTES = 8 * 1024 * 1024;
const LINE_FEED = 10;

export class LineSplitter {
  #pieces: Buffer[] = [];
  #bytes = 0;

  /** The lines that end in this piece; `'too-long'` when one has more bytes than any object. Empty lines are left out. */
  push(piece: Buffer): readonly string[] | 'too-long' {
    const lines: string[] = [];
    let from = 0;
    for (let to = piece.indexOf(LINE_FEED); to >= 0; to = piece.indexOf(LINE_FEED, from)) {
      this.#keep(piece.subarray(from, to));
      const line = this.#bytes === 0 ? '' : Buffer.concat(this.#pieces).toString();
      if (line.trim() !== '') lines.push(line);
      this.#pieces = [];
      this.#bytes = 0;
      from = to + 1;
    }
    this.#keep(piece.subarray(from));
    return this.#bytes > LONGEST_LINE_BYTES ? 'too-long' : lines;
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }
}
