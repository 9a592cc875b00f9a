/**
 * Reads a kubeconfig: the cluster and the user of its current context. Credentials are a token or a client certificate, in
 * place or in files; plugins that would be run to get some are refused by name.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { Fault } from '#runtime/fault.ts';
import type { PemSource } from '#tls/credentials.ts';
import type { KubeAccess, KubeTls, TokenSource } from './access.ts';
import { type Fields, fieldsOf, textOf } from './json.ts';
import { apiServerUrl } from './server-url.ts';

/** Throws a Fault `kube.config` that names the file and what is wrong in it; secrets are never shown. */
export function loadKubeconfig(path: string): KubeAccess {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const why = code === 'ENOENT' ? 'no such file' : code;
    throw new Fault('kube.config', { what: 'the kubeconfig cannot be read', where: path, why, cause: error });
  }
  return parseKubeconfig(text, path);
}

/** `path` is where relative paths in it begin, and what messages name. */
export function parseKubeconfig(text: string, path: string): KubeAccess {
  const file = new KubeconfigFile(path);
  const root = file.fields(file.parsed(text), 'the file');
  const contextName = textOf(root['current-context']) ?? '';
  if (contextName === '') throw file.wrong('it has no current-context');
  const context = file.named(root, 'contexts', contextName, 'context');
  const clusterName = textOf(context['cluster']) ?? '';
  const cluster = file.named(root, 'clusters', clusterName, 'cluster');
  const userName = textOf(context['user']) ?? '';
  const user = userName === '' ? {} : file.named(root, 'users', userName, 'user');

  const server = textOf(cluster['server']) ?? '';
  if (server === '') throw file.wrong(`the cluster ${JSON.stringify(clusterName)} has no server`);
  if (textOf(cluster['proxy-url']) !== undefined) {
    throw file.wrong(`the cluster ${JSON.stringify(clusterName)} has a proxy-url, which is not supported`);
  }
  const token = file.token(user, userName);
  return {
    url: apiServerUrl(server, `server in ${path}`),
    tls: file.tls(cluster, user, userName),
    ...(token === undefined ? {} : { token }),
  };
}

class KubeconfigFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  wrong(what: string, remedy?: string): Fault {
    return new Fault('kube.config', {
      what: `the kubeconfig cannot be used: ${what}`,
      where: this.#path,
      ...(remedy === undefined ? {} : { remedy }),
    });
  }

  parsed(text: string): unknown {
    try {
      return parse(text, { maxAliasCount: 10, logLevel: 'error' });
    } catch (error) {
      // The rest of the parser's message quotes the line, which may hold a token.
      const at = /at line \d+, column \d+/.exec(String(error))?.[0] ?? '';
      throw this.wrong(`it is not valid YAML ${at}`.trimEnd());
    }
  }

  fields(value: unknown, what: string): Fields {
    const fields = fieldsOf(value);
    if (fields === undefined) throw this.wrong(`${what} is no mapping`);
    return fields;
  }

  /** The `context`, `cluster` or `user` of that name in one of the three lists. */
  named(root: Fields, list: string, name: string, kind: string): Fields {
    const entries: unknown = root[list];
    const found = Array.isArray(entries) ? entries.find((entry) => fieldsOf(entry)?.['name'] === name) : undefined;
    if (found === undefined) throw this.wrong(`it has no ${kind} named ${JSON.stringify(name)}`);
    return this.fields(fieldsOf(found)?.[kind] ?? {}, `the ${kind} ${JSON.stringify(name)}`);
  }

  token(user: Fields, userName: string): TokenSource | undefined {
    for (const plugin of ['exec', 'auth-provider', 'username'] as const) {
      if (user[plugin] === undefined || user[plugin] === null) continue;
      const remedy = 'give the user a token, a tokenFile or a client certificate';
      throw this.wrong(`the user ${JSON.stringify(userName)} has ${plugin}, which is not supported`, remedy);
    }
    const path = textOf(user['tokenFile']);
    if (path !== undefined && path !== '') return { path: this.#resolve(path) };
    const token = textOf(user['token']);
    return token === undefined || token === '' ? undefined : { token };
  }

  tls(cluster: Fields, user: Fields, userName: string): KubeTls {
    const ca = this.#pem(cluster, 'certificate-authority');
    const certificate = this.#pem(user, 'client-certificate');
    const key = this.#pem(user, 'client-key');
    if ((certificate === undefined) !== (key === undefined)) {
      const [given, missing] =
        key === undefined ? ['client-certificate', 'client-key'] : ['client-key', 'client-certificate'];
      throw this.wrong(`the user ${JSON.stringify(userName)} has a ${given}, but no ${missing}`);
    }
    const serverName = textOf(cluster['tls-server-name']);
    return {
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { certificate }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { serverName }),
      ...(cluster['insecure-skip-tls-verify'] === true ? { insecure: true } : {}),
    };
  }

  /** `<field>-data` in base64 wins over the file. */
  #pem(fields: Fields, field: string): PemSource | undefined {
    const data = textOf(fields[`${field}-data`]);
    if (data !== undefined && data !== '') {
      const pem = Buffer.from(data, 'base64').toString('latin1');
      if (!pem.includes('-----BEGIN ')) throw this.wrong(`${field}-data is not PEM in base64`);
      return { pem, from: `${field}-data in ${this.#path}` };
    }
    const path = textOf(fields[field]);
    return path === undefined || path === '' ? undefined : { path: this.#resolve(path) };
  }

  #resolve(path: string): string {
    return resolve(dirname(this.#path), path);
  }
}
