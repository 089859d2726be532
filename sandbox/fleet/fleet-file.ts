// The fleet file of the sandbox: what a platform team would keep in git for this fleet. Its releases are
// named after the sandbox's images. Pure.
import { stringify } from 'yaml';
import { imageByName, imageNames } from '../ec2/images.ts';
import { DRIVER_LABEL, POOL_LABEL } from './node-object.ts';

export interface FleetFileOptions {
  clusters: { name: string; context: string; kubeconfig: string; tier: string }[];
  region: string;
}

const FLEET_NAME = 'sandbox';
/** What the pools should run: the release that is new to every node. */
const WANTED = 'next';
const POLICY = 'demo';
const pools = [
  { name: 'h100', sla: true },
  { name: 'batch', sla: false },
];

function releases(): unknown[] {
  return imageNames.map((name) => {
    const { imageId, promised } = imageByName(name);
    return {
      name,
      image: { ec2: imageId },
      expects: {
        kubeletVersion: promised.kubeletVersion,
        labels: { [DRIVER_LABEL]: promised.driverVersion },
      },
    };
  });
}

function clusters(o: FleetFileOptions): unknown[] {
  return o.clusters.map((cluster) => ({
    name: cluster.name,
    tier: cluster.tier,
    connection: { kubeconfig: cluster.kubeconfig, context: cluster.context },
    provider: { kind: 'ec2', region: o.region },
    pools: pools.map((pool) => ({
      name: pool.name,
      selector: { matchLabels: { [POOL_LABEL]: pool.name } },
      sla: pool.sla,
      release: WANTED,
      policy: POLICY,
    })),
  }));
}

export function fleetFile(o: FleetFileOptions): string {
  return stringify({
    apiVersion: 'refit.dev/v1alpha1',
    kind: 'Fleet',
    metadata: { name: FLEET_NAME },
    spec: {
      clusters: clusters(o),
      releases: releases(),
      policies: [
        {
          name: POLICY,
          extends: 'default',
          disruption: { unavailableMax: 3 },
          approval: { before: 'node', firstNodes: 3 },
        },
      ],
    },
  });
}
