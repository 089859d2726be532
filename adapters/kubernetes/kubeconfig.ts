// From a cluster's `connection` to a KubeConfig, by kubectl's rules. Reads files; opens no connection.
// Says which contexts there are when the one asked for is not among them.
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { PortError } from '../ports/errors.ts';
import type { Connection } from '../../domain/fleet.ts';

export function loadKubeConfig(connection: Connection, env: NodeJS.ProcessEnv = process.env): KubeConfig {
  switch (connection.kind) {
    case 'inCluster':
      return loadInCluster(env);
    case 'kubeconfig':
      return select(loadFiles([connection.path]), connection.context, [connection.path]);
    case 'context': {
      const named = (env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
      const candidates = named.length > 0 ? named : [join(env['HOME'] ?? homedir(), '.kube', 'config')];
      const paths = candidates.filter(isReadable);
      if (paths.length === 0) {
        throw new PortError(
          'invalid',
          `context ${connection.context}: no kubeconfig can be read at ${candidates.join(', ')}; ` +
            'set KUBECONFIG or give the cluster a connection of {kubeconfig, context}',
        );
      }
      return select(loadFiles(paths), connection.context, paths);
    }
  }
}

function loadInCluster(env: NodeJS.ProcessEnv): KubeConfig {
  if (env['KUBERNETES_SERVICE_HOST'] === undefined) {
    throw new PortError(
      'invalid',
      'connection inCluster: KUBERNETES_SERVICE_HOST is not set, so this process does not run in a pod; ' +
        'use a connection of {context} instead',
    );
  }
  const config = new KubeConfig();
  config.loadFromCluster();
  return config;
}

/** As kubectl merges: the first file to name a context, cluster or user wins. */
function loadFiles(paths: readonly string[]): KubeConfig {
  const merged = new KubeConfig();
  const [clusters, users, contexts] = [new Map(), new Map(), new Map()];
  for (const path of paths) {
    const one = new KubeConfig();
    try {
      one.loadFromFile(path);
    } catch (cause) {
      throw new PortError('invalid', `kubeconfig ${path} cannot be read: ${textOf(cause)}`, { cause });
    }
    for (const each of one.clusters) if (!clusters.has(each.name)) clusters.set(each.name, each);
    for (const each of one.users) if (!users.has(each.name)) users.set(each.name, each);
    for (const each of one.contexts) if (!contexts.has(each.name)) contexts.set(each.name, each);
  }
  merged.loadFromOptions({
    clusters: [...clusters.values()],
    users: [...users.values()],
    contexts: [...contexts.values()],
    currentContext: '',
  });
  return merged;
}

function select(config: KubeConfig, context: string, paths: readonly string[]): KubeConfig {
  const where = `kubeconfig ${paths.join(', ')}`;
  const found = config.getContextObject(context);
  if (found === null) {
    const names = config.getContexts().map((each) => each.name);
    throw new PortError(
      'invalid',
      `no context ${context} in ${where}; there ${names.length === 0 ? 'are none' : `are: ${names.join(', ')}`}`,
    );
  }
  config.setCurrentContext(context);
  if (config.getCurrentCluster() === null) {
    throw new PortError(
      'invalid',
      `context ${context} names the cluster ${found.cluster}, which ${where} lacks`,
    );
  }
  if (found.user && config.getCurrentUser() === null) {
    throw new PortError('invalid', `context ${context} names the user ${found.user}, which ${where} lacks`);
  }
  return config;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
