// May kubelets of this release join this API server? Kubernetes supports kubelets as new as the API
// server and up to three minor versions older; patch versions do not matter. Must never let a version
// pass that it cannot read.
import type { Refusal } from '../plan.ts';
import type { Release } from '../fleet.ts';

/** Kubernetes' version skew policy since 1.28. */
const KUBELET_MINORS_OLDER_MAX = 3;

const VERSION = /^v?(\d+)\.(\d+)(?:\.|$|[-+])/;

function parseMinor(version: string): { major: number; minor: number } | undefined {
  const match = VERSION.exec(version);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

/** A reason why nodes of this release cannot join, or undefined. A release that names no kubelet passes. */
export function whySkewed(release: Release, apiServerVersion: string): Refusal | undefined {
  const { kubeletVersion } = release.expects;
  if (kubeletVersion === null) return undefined;
  const refuse = (text: string): Refusal => ({
    kind: 'versionSkew',
    where: `release ${release.name}`,
    text: `${text}; upgrade the control plane first, or choose another release`,
  });
  const kubelet = parseMinor(kubeletVersion);
  const server = parseMinor(apiServerVersion);
  if (kubelet === undefined || server === undefined) {
    const which = kubelet === undefined ? `kubelet ${kubeletVersion}` : `API server ${apiServerVersion}`;
    return refuse(`version of ${which} is unreadable, expected one like v1.36.1`);
  }
  const versions = `its kubelet ${kubeletVersion}`;
  if (kubelet.major > server.major || (kubelet.major === server.major && kubelet.minor > server.minor)) {
    return refuse(`${versions} is newer than the API server, which is ${apiServerVersion}`);
  }
  if (kubelet.major < server.major || server.minor - kubelet.minor > KUBELET_MINORS_OLDER_MAX) {
    return refuse(
      `${versions} is more than ${KUBELET_MINORS_OLDER_MAX} minor versions older than the API server, ` +
        `which is ${apiServerVersion}`,
    );
  }
  return undefined;
}
