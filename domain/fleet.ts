// The fleet as its file declares it, after parsing: clusters, pools, the catalog of releases.
// Never holds what was observed; that is inventory.ts.
import type { NotificationTarget } from './notification.ts';
import type { Amount, Policy } from './policy.ts';
import type { FieldOrigins } from './policy-origins.ts';

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

/** AMI ids, `ami-…`: one for every region (the clusters are in one), or one for each. */
type ReleaseImage =
  { kind: 'everywhere'; id: string } | { kind: 'byRegion'; ids: Readonly<Record<string, string>> };

/** One entry of the catalog, as all clusters of the fleet know it. */
export type CatalogRelease = { name: string; image: ReleaseImage; expects: Release['expects'] };

/** The same in one cluster's region. A node that does not show all of `expects` is out of date. */
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

/** How a release goes from one tier to the next. */
export type Promotion = {
  /** How long the clusters of a tier must have run it before the next tier is begun. */
  soakMs: number;
  /** Of the nodes that ended in a cluster's run, done or failed, so many must be done. */
  successMinPercent: number;
};

export type Fleet = {
  name: string;
  clusters: readonly Cluster[];
  releases: readonly CatalogRelease[];
  promotion: Promotion;
  /** Absent: nobody is told of anything. */
  notifications?: readonly NotificationTarget[];
  /** What the policies say themselves, and what comes from those that they extend. */
  policyOrigins: FieldOrigins;
};

/** What an activity needs to reach one cluster and its cloud; travels in every activity's input. */
export type ClusterRef = { name: string; connection: Connection; provider: Provider };
