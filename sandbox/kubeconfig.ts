// The sandbox's one kubeconfig: a context for each cluster, named as the cluster, with the certificates
// inside, so that the file can be handed to anything. It must never touch the user's own kubeconfig.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';

export interface ClusterAccess {
  name: string;
  server: string;
  /** Folder with ca.crt, admin.crt and admin.key. */
  pki: string;
}

async function readBase64(path: string): Promise<string> {
  return (await readFile(path)).toString('base64');
}

export async function writeKubeconfig(path: string, clusters: readonly ClusterAccess[]): Promise<void> {
  const entries = await Promise.all(
    clusters.map(async (c) => ({
      name: c.name,
      server: c.server,
      ca: await readBase64(join(c.pki, 'ca.crt')),
      cert: await readBase64(join(c.pki, 'admin.crt')),
      key: await readBase64(join(c.pki, 'admin.key')),
    })),
  );
  const text = stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': clusters[0]?.name ?? '',
    clusters: entries.map((e) => ({
      name: e.name,
      cluster: { server: e.server, 'certificate-authority-data': e.ca },
    })),
    users: entries.map((e) => ({
      name: e.name,
      user: { 'client-certificate-data': e.cert, 'client-key-data': e.key },
    })),
    contexts: entries.map((e) => ({ name: e.name, context: { cluster: e.name, user: e.name } })),
  });
  const draft = `${path}.${String(process.pid)}`;
  // It holds an administrator's key.
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, path);
}
