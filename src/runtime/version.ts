/** Which program this is. The bundler replaces WEFT_COMMIT; a run from the sources has none. */
declare const WEFT_COMMIT: string | undefined;

/** The version of package.json (a test holds the two together). */
export const VERSION = '0.1.0';

/** Git commit the bundle was built from, `-dirty` appended for a changed tree; `source` when it runs unbundled. */
export const COMMIT: string = typeof WEFT_COMMIT === 'string' ? WEFT_COMMIT : 'source';
