// A small API server in memory, on loopback: LIST in pages, WATCH with bookmarks, merge patches with
// preconditions, evictions that the test answers. It keeps every request that it took. It knows nothing
// of our code; it is not Kubernetes, and what must be true of Kubernetes is tried on a real one.
import { afterAll } from '@jest/globals';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Obj = {
  metadata: { name: string; namespace?: string; uid: string; resourceVersion: string } & Record<
    string,
    unknown
  >;
} & Record<string, unknown>;
export type Named = { name: string; namespace?: string } & Record<string, unknown>;
export type Taken = {
  method: string;
  path: string;
  query: URLSearchParams;
  userAgent: string;
  body: unknown;
  atMs: number;
};
export type Reply = { status: number; body?: unknown; headers?: Record<string, string> };

const COLLECTIONS = {
  nodes: /^\/api\/v1\/nodes$/,
  pods: /^\/api\/v1\/pods$/,
  pdbs: /^\/apis\/policy\/v1\/poddisruptionbudgets$/,
  daemonSets: /^\/apis\/apps\/v1\/daemonsets$/,
  claims: /^\/api\/v1\/persistentvolumeclaims$/,
  volumes: /^\/api\/v1\/persistentvolumes$/,
} as const;
type Kind = keyof typeof COLLECTIONS;

type Watcher = { kind: Kind; response: ServerResponse };

const folders: string[] = [];

afterAll(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true, force: true })));

export class ApiServer {
  readonly taken: Taken[] = [];
  /** Asked first for every request; undefined leaves it to the server. */
  intercept: (taken: Taken) => Reply | undefined = () => undefined;
  /** How an eviction is answered; by default the pod is removed. */
  evict: (pod: Obj, taken: Taken) => Reply | Promise<Reply> = (pod) => {
    this.remove('pods', pod.metadata);
    return { status: 201, body: {} };
  };
  connections = 0;
  #server: Server;
  #version = 100;
  #objects: Record<Kind, Map<string, Obj>> = {
    nodes: new Map(),
    pods: new Map(),
    pdbs: new Map(),
    daemonSets: new Map(),
    claims: new Map(),
    volumes: new Map(),
  };
  #watchers = new Set<Watcher>();
  #past: { kind: Kind; version: number; line: string }[] = [];
  #leases = new Map<string, Obj>();
  #namespaces = new Set<string>();

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('connection', () => (this.connections += 1));
  }

  async start(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As a crash: every connection is cut. */
  async stop(): Promise<void> {
    this.#watchers.clear();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** A kubeconfig file with one context, `test`, for this server. */
  kubeconfig(): string {
    const folder = mkdtempSync(join(tmpdir(), 'refit-kubeconfig-'));
    folders.push(folder);
    const path = join(folder, 'config');
    const server = `http://127.0.0.1:${this.port}`;
    writeFileSync(
      path,
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'tester', user: { token: 'secret' } }],
        contexts: [{ name: 'test', context: { cluster: 'c', user: 'tester' } }],
      }),
    );
    return path;
  }

  put(kind: Kind, object: Record<string, unknown> & { metadata: Named }): Obj {
    const key = keyOf(object.metadata);
    const old = this.#objects[kind].get(key);
    const metadata = {
      uid: `uid-${object.metadata.name}`,
      ...object.metadata,
      resourceVersion: String(++this.#version),
    };
    const stored: Obj = { ...object, metadata };
    this.#objects[kind].set(key, stored);
    this.#tell(kind, old === undefined ? 'ADDED' : 'MODIFIED', stored);
    return stored;
  }

  remove(kind: Kind, metadata: { name: string; namespace?: string }): void {
    const object = this.#objects[kind].get(keyOf(metadata));
    if (object === undefined) return;
    this.#objects[kind].delete(keyOf(metadata));
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    this.#tell(kind, 'DELETED', last);
  }

  get(kind: Kind, key: string): Obj | undefined {
    return this.#objects[kind].get(key);
  }

  /** Ends every watch of a kind, by an ERROR event or in silence. */
  endWatches(kind: Kind, error?: { code: number }): void {
    for (const watcher of this.#watchers) {
      if (watcher.kind !== kind) continue;
      if (error !== undefined)
        watcher.response.write(`${JSON.stringify({ type: 'ERROR', object: error })}\n`);
      watcher.response.end();
      this.#watchers.delete(watcher);
    }
  }

  watching(kind: Kind): number {
    return [...this.#watchers].filter((each) => each.kind === kind).length;
  }

  count(method: string, path: RegExp, wanted: (taken: Taken) => boolean = () => true): number {
    return this.taken.filter((each) => each.method === method && path.test(each.path) && wanted(each)).length;
  }

  #tell(kind: Kind, type: string, object: Obj): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    this.#past.push({ kind, version: this.#version, line });
    for (const each of this.#watchers) if (each.kind === kind) each.response.write(line);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://x');
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const taken: Taken = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      userAgent: request.headers['user-agent'] ?? '',
      body: text === '' ? undefined : JSON.parse(text),
      atMs: Date.now(),
    };
    this.taken.push(taken);
    const kind = kindOf(taken.path);
    const forced = this.intercept(taken);
    if (forced === undefined && kind !== undefined && taken.query.get('watch') !== null) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      const from = Number(taken.query.get('resourceVersion'));
      for (const each of this.#past) {
        if (each.kind === kind && each.version > from) response.write(each.line);
      }
      this.#watchers.add({ kind, response });
      return;
    }
    const reply = forced ?? (await this.#reply(taken, kind));
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
    response.end(JSON.stringify(reply.body ?? { message: `HTTP ${reply.status}` }));
  }

  async #reply(taken: Taken, kind: Kind | undefined): Promise<Reply> {
    if (kind !== undefined) return this.#list(taken, kind);
    const eviction = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/eviction$/.exec(taken.path);
    if (eviction !== null) {
      const pod = this.#objects.pods.get(`${eviction[1]}/${eviction[2]}`);
      if (pod === undefined) return { status: 404, body: { message: 'not found' } };
      return this.evict(pod, taken);
    }
    const node = /^\/api\/v1\/nodes\/([^/]+)$/.exec(taken.path);
    if (node !== null) return this.#one('nodes', node[1] ?? '', taken);
    const pod = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)$/.exec(taken.path);
    if (pod !== null) return this.#one('pods', `${pod[1]}/${pod[2]}`, taken);
    return this.#lease(taken);
  }

  #list({ query }: Taken, kind: Kind): Reply {
    const node = /spec\.nodeName=(.+)/.exec(query.get('fieldSelector') ?? '')?.[1];
    const all = [...this.#objects[kind].values()].filter(
      (each) => node === undefined || (each['spec'] as { nodeName?: string }).nodeName === node,
    );
    const from = Number(query.get('continue') ?? 0);
    const limit = Number(query.get('limit') ?? all.length);
    const next = from + limit < all.length ? String(from + limit) : undefined;
    return {
      status: 200,
      body: {
        metadata: { resourceVersion: String(this.#version), continue: next },
        items: all.slice(from, from + limit),
      },
    };
  }

  #one(kind: Kind, key: string, taken: Taken): Reply {
    const object = this.#objects[kind].get(key);
    if (object === undefined) return { status: 404, body: { message: `${key} not found` } };
    if (taken.method === 'GET') return { status: 200, body: object };
    const patch = taken.body as Obj;
    const { uid, resourceVersion } = patch.metadata;
    const isNewest = resourceVersion === undefined || resourceVersion === object.metadata.resourceVersion;
    const fits = uid === object.metadata.uid && isNewest;
    if (!fits) return { status: 409, body: { message: 'the object has been modified' } };
    return { status: 200, body: this.put(kind, merge(object, patch) as Obj) };
  }

  #lease({ method, path, body }: Taken): Reply {
    if (method === 'POST' && path === '/api/v1/namespaces') {
      this.#namespaces.add((body as Obj).metadata.name);
      return { status: 201, body };
    }
    const namespace = /\/namespaces\/([^/]+)\/leases/.exec(path)?.[1] ?? '';
    if (method === 'POST') {
      if (!this.#namespaces.has(namespace)) return { status: 404, body: { message: 'no such namespace' } };
      if (this.#leases.has(namespace)) return { status: 409, body: { message: 'exists' } };
      const lease = merge(body, { metadata: { resourceVersion: String(++this.#version) } }) as Obj;
      this.#leases.set(namespace, lease);
      return { status: 201, body: lease };
    }
    const lease = this.#leases.get(namespace);
    if (lease === undefined) return { status: 404, body: { message: 'not found' } };
    if (method === 'GET') return { status: 200, body: lease };
    if ((body as Obj).metadata.resourceVersion !== lease.metadata.resourceVersion)
      return { status: 409, body: {} };
    const next = merge(merge(lease, body), { metadata: { resourceVersion: String(++this.#version) } }) as Obj;
    this.#leases.set(namespace, next);
    return { status: 200, body: next };
  }
}

function kindOf(path: string): Kind | undefined {
  return (Object.keys(COLLECTIONS) as Kind[]).find((kind) => COLLECTIONS[kind].test(path));
}

function keyOf(metadata: { name: string; namespace?: string }): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(target as Record<string, unknown>) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}
