// Which binaries the sandbox runs, out of which Go module, and how each tells its version. The versions
// themselves stand in tools/*/go.mod and nowhere else.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const binaryNames = [
  'temporal',
  'etcd',
  'kube-apiserver',
  'kwok',
  'kwokctl',
  'kube-scheduler',
  'kubectl',
  'kube-controller-manager',
] as const;
export type BinaryName = (typeof binaryNames)[number];

export interface BinaryPin {
  name: BinaryName;
  /** Folder under tools/. */
  module: string;
  package: string;
  /** The Go module whose required version is the binary's. */
  versionOf: string;
  /** Linker stamps: without them a binary reports no version, or a wrong one. */
  stamp: (version: string) => string[];
  versionArgs: string[];
  /** Finds the version in what the binary prints for versionArgs. */
  versionIn: RegExp;
  /** Cold, on 2 cores, in the order of binaryNames: a start for the estimate, which measuring corrects. */
  expectedSeconds: number;
}

const noStamp = (): string[] => [];

function kubernetesStamp(version: string): string[] {
  const [major = '', minor = ''] = version.split('.');
  const at = 'k8s.io/component-base/version';
  return [
    `${at}.gitVersion=v${version}`,
    `${at}.gitMajor=${major}`,
    `${at}.gitMinor=${minor}`,
    `${at}.gitTreeState=clean`,
  ];
}

function kubernetes(name: BinaryName, expectedSeconds: number): BinaryPin {
  return {
    name,
    module: 'kubernetes',
    package: `k8s.io/kubernetes/cmd/${name}`,
    versionOf: 'k8s.io/kubernetes',
    stamp: kubernetesStamp,
    versionArgs: name === 'kubectl' ? ['version', '--client'] : ['--version'],
    versionIn: name === 'kubectl' ? /Client Version: v(\S+)/ : /Kubernetes v(\S+)/,
    expectedSeconds,
  };
}

function kwok(name: BinaryName, expectedSeconds: number): BinaryPin {
  return {
    name,
    module: 'kwok',
    package: `sigs.k8s.io/kwok/cmd/${name}`,
    versionOf: 'sigs.k8s.io/kwok',
    stamp: noStamp,
    versionArgs: ['--version'],
    versionIn: /version v?(\S+)/,
    expectedSeconds,
  };
}

const pins: Record<BinaryName, BinaryPin> = {
  temporal: {
    name: 'temporal',
    module: 'temporal',
    package: 'github.com/temporalio/cli/cmd/temporal',
    versionOf: 'github.com/temporalio/cli',
    stamp: (version) => [`github.com/temporalio/cli/internal/temporalcli.Version=${version}`],
    versionArgs: ['--version'],
    versionIn: /temporal version (\S+)/,
    expectedSeconds: 239,
  },
  // etcd's main package is the module's root, so its binary takes its name from -o.
  etcd: {
    name: 'etcd',
    module: 'kubernetes',
    package: 'go.etcd.io/etcd/server/v3',
    versionOf: 'go.etcd.io/etcd/server/v3',
    stamp: noStamp,
    versionArgs: ['--version'],
    versionIn: /etcd Version: (\S+)/,
    expectedSeconds: 26,
  },
  'kube-apiserver': kubernetes('kube-apiserver', 199),
  kwok: kwok('kwok', 85),
  kwokctl: kwok('kwokctl', 15),
  'kube-scheduler': kubernetes('kube-scheduler', 19),
  kubectl: kubernetes('kubectl', 31),
  'kube-controller-manager': kubernetes('kube-controller-manager', 46),
};

export function binaryPin(name: BinaryName): BinaryPin {
  return pins[name];
}

const toolsDir = fileURLToPath(new URL('../tools', import.meta.url));

export function moduleDir(pin: BinaryPin): string {
  return join(toolsDir, pin.module);
}

export function motoRequirementsFile(): string {
  return join(toolsDir, 'moto', 'requirements.txt');
}

export function goRequirementsFile(): string {
  return join(toolsDir, 'go', 'requirements.txt');
}

export interface PinnedModule {
  goMod: string;
  goSum: string;
  /** The oldest Go that can build it. */
  goVersion: string;
}

export async function readPinnedModule(pin: BinaryPin): Promise<PinnedModule> {
  const goMod = await readFile(join(moduleDir(pin), 'go.mod'), 'utf8');
  const goSum = await readFile(join(moduleDir(pin), 'go.sum'), 'utf8');
  const goVersion = /^go (\S+)$/m.exec(goMod)?.[1];
  if (goVersion === undefined) throw new Error(`${join(moduleDir(pin), 'go.mod')} has no line "go VERSION"`);
  return { goMod, goSum, goVersion };
}

/** Without the `v`. */
export function pinnedVersion(pin: BinaryPin, module: PinnedModule): string {
  for (const line of module.goMod.split('\n')) {
    const [path, version] = line
      .replace(/^\s*require\s/, '')
      .trim()
      .split(/\s+/);
    if (path === pin.versionOf && version?.startsWith('v') === true) return version.slice(1);
  }
  throw new Error(`${join(moduleDir(pin), 'go.mod')} requires no ${pin.versionOf}`);
}
