// The compose file and the Dockerfile, checked as far as can be without a Docker daemon: that they
// parse, that every reference points to something, and that the image's limits are kept.
import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

type Service = {
  image?: string;
  build?: { context: string };
  depends_on?: Record<string, { condition: string }>;
  environment?: Record<string, string>;
  healthcheck?: unknown;
  ports?: string[];
  volumes?: string[];
};
const compose = parse(read('docker-compose.temporal.yml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const dockerfile = read('Dockerfile');

describe('the compose file', () => {
  it('starts Temporal with PostgreSQL, its UI and the worker', () => {
    expect(Object.keys(compose.services)).toEqual(
      expect.arrayContaining(['postgresql', 'temporal', 'temporal-ui', 'worker']),
    );
  });

  it.each(services)('gives %s an image with a version, or a build', (_name, service) => {
    if (service.build !== undefined)
      expect(existsSync(join(root, service.build.context, 'Dockerfile'))).toBe(true);
    else expect(service.image).toMatch(/^[a-z/-]+:\d[\w.]*$/);
  });

  it.each(services)('waits in %s only for services that exist and can say so', (_name, service) => {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(Object.keys(compose.services)).toContain(other);
      if (condition === 'service_healthy') expect(compose.services[other]?.healthcheck).toBeDefined();
    }
  });

  it.each(services)('opens the ports of %s on loopback alone', (_name, service) => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it.each(services)('declares the named volumes of %s', (_name, service) => {
    for (const volume of service.volumes ?? []) {
      const source = volume.split(':')[0] ?? '';
      if (/^[a-z]+$/.test(source)) expect(Object.keys(compose.volumes)).toContain(source);
    }
  });

  it('hands the worker what it is configured by', () => {
    const environment = compose.services['worker']?.environment ?? {};
    expect(Object.keys(environment)).toEqual(
      expect.arrayContaining([
        'TEMPORAL_ADDRESS',
        'TEMPORAL_NAMESPACE',
        'REFIT_FLEET',
        'REFIT_RECORDS',
        'KUBECONFIG',
      ]),
    );
  });
});

describe('the worker image', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
    (match[1] ?? '').split(' '),
  );

  it('copies only what exists', () => {
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied) expect([path, existsSync(join(root, path))]).toEqual([path, true]);
  });

  it('carries every folder of code that the worker needs', () => {
    const needed = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .filter(
        (name) => !['test', 'bench', 'docs', 'tools', 'node_modules', 'coverage', 'dist'].includes(name),
      );
    expect(copied).toEqual(expect.arrayContaining(needed));
  });

  it('runs as a user without rights, on glibc', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).not.toMatch(/^FROM .*alpine/m);
    expect([...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1])).toEqual(
      expect.arrayContaining([expect.stringMatching(/bookworm/)]),
    );
  });
});
