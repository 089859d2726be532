// The Kubernetes API as the sandbox's own programs use it: plain JSON over one pool of connections, since the
// client library opens a new TLS connection for every request. It must never be used by what is tested here.
import { readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent, request as httpRequest } from 'undici';
import type { Dispatcher } from 'undici';

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
    ownerReferences?: { kind: string; name: string; controller?: boolean }[];
  };
}

export class ApiRefusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiRefusal';
    this.status = status;
  }
}

type PatchType = 'merge' | 'strategic-merge' | 'apply';

export interface ClusterApi {
  get<T extends KubeObject>(path: string): Promise<T | undefined>;
  list<T extends KubeObject>(
    path: string,
    query?: Record<string, string>,
  ): Promise<{ items: T[]; version: string }>;
  create(path: string, body: unknown): Promise<void>;
  /** Undefined when the object is gone. */
  patch<T extends KubeObject>(path: string, type: PatchType, body: unknown): Promise<T | undefined>;
  replace(path: string, body: unknown): Promise<void>;
  /** Gone already: nothing to do. */
  remove(path: string, query?: Record<string, string>): Promise<void>;
  /** The lines of one watch, until it ends. */
  watch(path: string, query: Record<string, string>, signal: AbortSignal): AsyncIterable<WatchEvent>;
  close(): Promise<void>;
}

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject & { code?: number; message?: string };
}

const PAGE = '500';
const CONNECTIONS_MAX = 16;
const REQUEST_TIMEOUT_MS = 20_000;
// Bookmarks come about once a minute: a watch that is silent for longer is dead.
const WATCH_SILENT_MAX_MS = 150_000;

const CONTENT_TYPES: Record<PatchType, string> = {
  merge: 'application/merge-patch+json',
  'strategic-merge': 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

interface Connection {
  server: string;
  agent: Agent;
  userAgent: string;
}

function bytes(data: string | undefined, file: string | undefined): Buffer | undefined {
  if (data !== undefined) return Buffer.from(data, 'base64');
  return file === undefined ? undefined : readFileSync(file);
}

function connect(o: { kubeconfig: string; context: string; userAgent: string }): Connection {
  const config = new KubeConfig();
  config.loadFromFile(o.kubeconfig);
  config.setCurrentContext(o.context);
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (!cluster) throw new Error(`${o.kubeconfig} has no context ${o.context} with a cluster`);
  const ca = bytes(cluster.caData, cluster.caFile);
  const cert = bytes(user?.certData, user?.certFile);
  const key = bytes(user?.keyData, user?.keyFile);
  const connectOptions = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  const agent = new Agent({ connect: connectOptions, connections: CONNECTIONS_MAX, allowH2: false });
  return { server: cluster.server, agent, userAgent: o.userAgent };
}

async function send(
  at: Connection,
  method: Dispatcher.HttpMethod,
  path: string,
  o: { query?: Record<string, string>; body?: unknown; type?: string; signal?: AbortSignal } = {},
): Promise<Dispatcher.ResponseData> {
  const query = o.query === undefined ? '' : `?${new URLSearchParams(o.query).toString()}`;
  const watching = o.signal !== undefined;
  const response = await httpRequest(`${at.server}${path}${query}`, {
    method,
    dispatcher: at.agent,
    headers: {
      'user-agent': at.userAgent,
      accept: 'application/json',
      'content-type': o.type ?? 'application/json',
    },
    headersTimeout: REQUEST_TIMEOUT_MS,
    bodyTimeout: watching ? WATCH_SILENT_MAX_MS : REQUEST_TIMEOUT_MS,
    ...(o.body === undefined ? {} : { body: JSON.stringify(o.body) }),
    ...(o.signal === undefined ? {} : { signal: o.signal }),
  });
  if (response.statusCode < 300) return response;
  const text = await response.body.text();
  throw new ApiRefusal(
    response.statusCode,
    `${method} ${path}: ${String(response.statusCode)} ${text.slice(0, 500)}`,
  );
}

async function json<T>(response: Dispatcher.ResponseData): Promise<T> {
  return (await response.body.json()) as T;
}

async function unlessGone<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) return undefined;
    throw error;
  }
}

/** Where objects of a manifest's kind are created. */
export function collectionPath(manifest: Record<string, unknown>): string {
  const { apiVersion, kind, metadata } = manifest as {
    apiVersion: string;
    kind: string;
    metadata: { namespace?: string };
  };
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const within = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${within}/${kind.toLowerCase()}s`;
}

interface ListPage<T> {
  items: T[];
  metadata: { resourceVersion?: string; continue?: string };
}

async function* watchLines(
  at: Connection,
  path: string,
  query: Record<string, string>,
  signal: AbortSignal,
): AsyncIterable<WatchEvent> {
  const response = await send(at, 'GET', path, {
    query: { ...query, watch: 'true', allowWatchBookmarks: 'true' },
    signal,
  });
  let rest = '';
  response.body.setEncoding('utf8');
  for await (const chunk of response.body) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') yield JSON.parse(line) as WatchEvent;
    }
  }
}

export function createClusterApi(o: { kubeconfig: string; context: string; userAgent: string }): ClusterApi {
  const at = connect(o);
  return {
    get: <T extends KubeObject>(path: string) => unlessGone(async () => json<T>(await send(at, 'GET', path))),
    list: async <T extends KubeObject>(path: string, query: Record<string, string> = {}) => {
      const items: T[] = [];
      let next = '';
      for (;;) {
        const page = await json<ListPage<T>>(
          await send(at, 'GET', path, {
            query: { ...query, limit: PAGE, ...(next === '' ? {} : { continue: next }) },
          }),
        );
        items.push(...page.items);
        next = page.metadata.continue ?? '';
        if (next === '') return { items, version: page.metadata.resourceVersion ?? '' };
      }
    },
    create: async (path, body) => {
      await (await send(at, 'POST', path, { body })).body.dump();
    },
    patch: <T extends KubeObject>(path: string, type: PatchType, body: unknown) => {
      const query = type === 'apply' ? { fieldManager: at.userAgent, force: 'true' } : {};
      return unlessGone(async () =>
        json<T>(await send(at, 'PATCH', path, { body, query, type: CONTENT_TYPES[type] })),
      );
    },
    replace: async (path, body) => {
      await (await send(at, 'PUT', path, { body })).body.dump();
    },
    remove: async (path, query = {}) => {
      await unlessGone(async () => (await send(at, 'DELETE', path, { query })).body.dump());
    },
    watch: (path, query, signal) => watchLines(at, path, query, signal),
    close: () => at.agent.destroy(),
  };
}
