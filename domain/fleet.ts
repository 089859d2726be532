// The fleet as its file declares it, after parsing: clusters, pools, the catalog of releases.
// Never holds what was observed; that is inventory.ts.
import type { Amount, Policy } from './policy.ts';

export type Tier = 'dev' | 'qa' | 'prod';

/** How to reach a Kubernetes API server. */
export type Connection =
  | { kind: 'context'; context: string }
  | { kind: 'inCluster' }
  | { kind: 'kubeconfig'; path: string; context: string };

export type Provider = { kind: 'ec2'; region: string };

/** Whose instances a pool's nodes are, when they are somebody else's. */
export type OwnerKind = 'autoScalingGroup' | 'eksNodeGroup' | 'karpenter';

/** Which template an instance is launched from: by id or by name; `version` is a number, `$Latest` or `$Default`. */
export type LaunchTemplateRef = { id: string | null; name: string | null; version: string };

export type Pool = {
  name: string;
  /** Labels that every node of the pool carries. Not empty. */
  matchLabels: Readonly<Record<string, string>>;
  sla: boolean;
  /** Name of the release that the pool should run. */
  release: string;
  policy: Policy;
  /** Says that this owner's health replacement is off. */
  owner: OwnerKind | null;
  /** What `replaceInstance` launches from; absent: the file names none. */
  launchTemplate?: LaunchTemplateRef;
};

export type Cluster = {
  name: string;
  tier: Tier;
  connection: Connection;
  provider: Provider;
  /** Nodes of the whole cluster that may be away at once, whatever pool; null: no such bound. */
  unavailableMax: Amount | null;
  pools: readonly Pool[];
};

/** One entry of the catalog. A node that does not show all of `expects` is out of date. */
export type Release = {
  name: string;
  /** AMI id, `ami-…`. */
  imageId: string;
  expects: {
    kubeletVersion: string | null;
    osImage: string | null;
    labels: Readonly<Record<string, string>>;
  };
};

export type Fleet = { name: string; clusters: readonly Cluster[]; releases: readonly Release[] };

/** What an activity needs to reach one cluster and its cloud; travels in every activity's input. */
export type ClusterRef = { name: string; connection: Connection; provider: Provider };
