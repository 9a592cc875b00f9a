/** Names of owners as texts: equal names have equal texts, whatever strings they are encoded as. */
import '#pki/reflect-metadata.ts';
import * as x509 from '@peculiar/x509';
import { type Subject, subjectName } from '#pki/subject.ts';

/** `C=CN, O=k8s, CN=etcd`; attributes that share one relative name are sorted. */
export function nameText(name: x509.Name): string {
  const relative = name.toJSON().map((attributes) => {
    const parts = Object.entries(attributes).flatMap(([type, values]) => values.map((value) => `${type}=${value}`));
    return parts.sort().join('+');
  });
  return relative.join(', ');
}

export function subjectText(subject: Subject): string {
  return nameText(new x509.Name(subjectName(subject)));
}
