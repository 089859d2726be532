// TLS and headers for one cluster's requests, out of its KubeConfig: client certificates, tokens, exec
// plugins. One connection pool for as long as the TLS material stays the same: the stock client makes
// a new one, and with it a new TLS handshake, for every request.
import { Agent, ProxyAgent } from 'undici';
import { PortError } from '../ports/errors.ts';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';

type Access = { dispatcher: Dispatcher; headers: Readonly<Record<string, string>> };

export interface Credentials {
  readonly server: string;
  /** Who asks, as far as the kubeconfig tells. */
  readonly user: string;
  access(): Promise<Access>;
  /** After a 401: the next access() reads the files and asks the plugins anew. */
  forget(): void;
  close(): Promise<void>;
}

/** Files and plugins are asked again after this; tokens in files rotate within minutes. */
const ACCESS_AGE_MAX_MS = 10_000;
/** Sockets to one API server; a watch holds one for itself, evictions on a contended PDB hold theirs for seconds. */
const CONNECTIONS_MAX = 100;

type Tls = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>;

export function createCredentials(load: () => KubeConfig): Credentials {
  let config = load();
  const server = serverOf(config);
  let current: { access: Access; tlsKey: string; atMs: number } | undefined;
  let asking: Promise<Access> | undefined;

  async function renew(): Promise<Access> {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const tls = tlsOf(options);
    const tlsKey = JSON.stringify(Object.values(tls).map(String));
    const headers = headersOf(options);
    if (current !== undefined && current.tlsKey === tlsKey) {
      current = { access: { dispatcher: current.access.dispatcher, headers }, tlsKey, atMs: Date.now() };
      return current.access;
    }
    // Requests in flight on the old pool end by themselves; close() waits for them.
    current?.access.dispatcher.close().catch(() => undefined);
    current = { access: { dispatcher: createPool(config, tls), headers }, tlsKey, atMs: Date.now() };
    return current.access;
  }

  return {
    server,
    user: userOf(config),
    access() {
      if (current !== undefined && Date.now() - current.atMs < ACCESS_AGE_MAX_MS) {
        return Promise.resolve(current.access);
      }
      asking ??= renew()
        .catch((cause: unknown) => {
          if (cause instanceof PortError) throw cause;
          const text = cause instanceof Error ? cause.message : String(cause);
          throw new PortError('forbidden', `no credentials for ${server} as ${userOf(config)}: ${text}`, {
            cause,
          });
        })
        .finally(() => (asking = undefined));
      return asking;
    },
    forget() {
      config = load();
      if (current !== undefined) current.atMs = Number.NEGATIVE_INFINITY;
    },
    async close() {
      await current?.access.dispatcher.destroy();
    },
  };
}

function createPool(config: KubeConfig, tls: Tls): Dispatcher {
  const options = config.createDispatcherOptions(config.getCurrentCluster(), tls);
  // headersTimeout and bodyTimeout are set by each request: a watch is silent for long.
  const pool = { connections: CONNECTIONS_MAX, allowH2: false, keepAliveTimeout: 30_000 };
  switch (options.type) {
    case 'agent':
      return new Agent({ ...pool, connect: options.connect as Agent.Options['connect'] & object });
    case 'none':
      return new Agent(pool);
    case 'proxy':
      return new ProxyAgent({
        ...pool,
        uri: options.uri,
        requestTls: options.requestTls as ProxyAgent.Options['requestTls'] & object,
      });
    case 'socks':
      throw new PortError(
        'invalid',
        `proxy-url ${options.uri} of ${serverOf(config)}: SOCKS proxies are not supported; use an http proxy`,
      );
  }
}

function serverOf(config: KubeConfig): string {
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new PortError('invalid', 'the kubeconfig names no server');
  return server.replace(/\/+$/, '');
}

function userOf(config: KubeConfig): string {
  return config.getCurrentUser()?.name ?? 'nobody';
}

function tlsOf(options: RequestOptions): Tls {
  const tls: Tls = {};
  if (options.ca !== undefined) tls.ca = options.ca;
  if (options.cert !== undefined) tls.cert = options.cert;
  if (options.key !== undefined) tls.key = options.key;
  if (options.rejectUnauthorized !== undefined) tls.rejectUnauthorized = options.rejectUnauthorized;
  if (options.servername !== undefined) tls.servername = options.servername;
  return tls;
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value);
  if (typeof options.auth === 'string') {
    headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}
