/** URLs of API servers: `https://HOST:PORT`, maybe with a path. */
import { Fault } from '#runtime/fault.ts';

/** The URL without a slash at its end. `where` is the flag or field that holds it. */
export function apiServerUrl(text: string, where: string): string {
  const url = URL.parse(text);
  const wrong =
    url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')
      ? 'an API server is https://HOST:PORT'
      : url.username !== '' || url.password !== ''
        ? 'a URL may not hold a user or a password: everybody sees it'
        : url.search !== '' || url.hash !== ''
          ? 'it has a query'
          : undefined;
  if (wrong === undefined) return text.replace(/\/+$/, '');
  const shown = text.includes('@') ? 'a URL with a user' : JSON.stringify(text);
  throw new Fault('usage.flag', { what: `${where} is ${shown}`, why: wrong, remedy: 'write it as https://HOST:PORT' });
}
