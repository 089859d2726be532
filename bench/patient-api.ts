// The bench's own hand on a busy machine: an API server that does not answer in time is asked again. Only
// for what may be done twice; the tools that are measured have their own patience.
import { ApiRefusal } from '../sandbox/cluster-api.ts';
import type { ClusterApi, KubeObject } from '../sandbox/cluster-api.ts';

const TRIES_MAX = 6;

export type PatientApi = Pick<ClusterApi, 'get' | 'list' | 'create' | 'patch' | 'remove'>;

function isLate(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code.startsWith('UND_ERR');
}

async function again<T>(work: (tries: number) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work(tries);
    } catch (error) {
      if (!isLate(error) || tries === TRIES_MAX) throw error;
    }
  }
}

export function beingPatient(api: ClusterApi): PatientApi {
  return {
    get: <T extends KubeObject>(path: string) => again(() => api.get<T>(path)),
    list: <T extends KubeObject>(path: string, query?: Record<string, string>) =>
      again(() => api.list<T>(path, query)),
    create: (path, body) =>
      again(async (tries) => {
        try {
          await api.create(path, body);
        } catch (error) {
          // The try before was taken, and its answer came too late.
          if (!(tries > 1 && error instanceof ApiRefusal && error.status === 409)) throw error;
        }
      }),
    patch: <T extends KubeObject>(path: string, type: Parameters<ClusterApi['patch']>[1], body: unknown) =>
      again(() => api.patch<T>(path, type, body)),
    remove: (path, query) => again(() => api.remove(path, query)),
  };
}
