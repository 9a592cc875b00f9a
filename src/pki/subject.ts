/** The name of a certificate's owner, in the order and grouping that cfssl gives it. */
import type * as x509 from '@peculiar/x509';

/** The attributes of one entry of cfssl's `names`. */
export interface NameParts {
  readonly C?: string;
  readonly ST?: string;
  readonly L?: string;
  readonly O?: string;
  readonly OU?: string;
}

export interface Subject {
  /** Left out of the name when empty. */
  readonly commonName: string;
  readonly names: readonly NameParts[];
}

/** Country first, common name last: the order in which they stand in the certificate. */
export const NAME_PARTS = ['C', 'ST', 'L', 'O', 'OU'] as const;

/** Values of the same attribute share one relative name (`O=a + O=b`), as Go writes them. */
export function subjectName(subject: Subject): x509.JsonName {
  const values: [part: string, values: readonly string[]][] = NAME_PARTS.map((part) => [
    part,
    subject.names.flatMap((name) => name[part] || []),
  ]);
  values.push(['CN', subject.commonName === '' ? [] : [subject.commonName]]);
  return values.flatMap(([part, texts]) => (texts.length === 0 ? [] : [{ [part]: texts.toSorted(derOrder) }]));
}

/** DER sorts a set by its encoded bytes: shorter values first, then those that need UTF-8, then by their bytes. */
function derOrder(a: string, b: string): number {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length - right.length || Number(isPrintable(a)) - Number(isPrintable(b)) || left.compare(right);
}

function isPrintable(text: string): boolean {
  return /^[A-Za-z0-9 '()+,./:=?-]*$/.test(text);
}
