// The fleet file: every field that the format knows, those included that this version refuses to
// enforce (unenforced.ts). What one field says about another is checked in check-fleet-file.ts.
import { z } from 'zod';
import { NOTIFICATIONS_MAX, notification } from './notifications.ts';
import { policyEntry } from './policy.ts';
import { amount, duration, flag, fleetName, labels, name, pattern, percent, text } from './scalars.ts';

const CLUSTERS_MAX = 200;
const POOLS_MAX = 100;
const RELEASES_MAX = 500;
const POLICIES_MAX = 100;

const REGION = /^[a-z]{2,4}(-[a-z]+){1,3}-\d{1,2}$/;
const AMI = /^ami-[0-9a-z]{4,32}$/;
/** A month: longer than any soak that somebody waits out. */
const PROMOTION_SOAK_MS_MAX = 30 * 86_400_000;
const imageForms = 'the id of an image, ami-…, or one for each region, like {us-east-1: ami-…}';

const connectionForms = '{context: NAME}, {inCluster: true} or {kubeconfig: PATH, context: NAME}';

const connection = z
  .strictObject({
    context: text('the name of a kubeconfig context').optional().describe('A context of the kubeconfig.'),
    kubeconfig: text('the path of a kubeconfig')
      .optional()
      .describe('Another kubeconfig than kubectl would take.'),
    inCluster: z
      .literal(true, { error: 'true' })
      .optional()
      .describe('The cluster that the worker itself runs in.'),
  })
  .refine(
    (o) =>
      o.inCluster === true ? o.context === undefined && o.kubeconfig === undefined : o.context !== undefined,
    { error: connectionForms },
  )
  .transform(({ context, kubeconfig }) => {
    if (context === undefined) return { kind: 'inCluster' as const };
    if (kubeconfig === undefined) return { kind: 'context' as const, context };
    return { kind: 'kubeconfig' as const, path: kubeconfig, context };
  })
  .describe(`How to reach the API server: ${connectionForms}.`);

const provider = z
  .strictObject({
    kind: z.literal('ec2', { error: 'ec2' }).describe('Where the instances are.'),
    region: pattern('a region like us-east-1', REGION).describe('AWS region.'),
  })
  .describe('Where the instances of the nodes are.');

const launchTemplate = z
  .strictObject({
    id: pattern('the id of a launch template, lt-…', /^lt-[0-9a-z]{4,32}$/)
      .optional()
      .describe('Its id; or its name.'),
    name: text('the name of a launch template').optional().describe('Its name; or its id.'),
    version: pattern(
      'a version in quotes, like "3", or $Latest or $Default',
      /^(\d{1,9}|\$Latest|\$Default)$/,
    )
      .default('$Default')
      .describe('A number, `$Latest` or `$Default`.'),
  })
  .refine((o) => (o.id === undefined) !== (o.name === undefined), { error: 'either id or name' })
  .describe("What `reimage.method: replaceInstance` launches instances from; its image is the release's.");

const pool = z.strictObject({
  name: name('the name of a pool').describe('Unique within the cluster.'),
  selector: z
    .strictObject({
      matchLabels: labels
        .refine((o) => Object.keys(o).length > 0, {
          error: 'at least one label: an empty selector matches every node',
        })
        .describe('Labels that every node of the pool carries.'),
    })
    .describe('Which nodes are in the pool. No node may be in two.'),
  sla: flag.default(false).describe('Pools without an SLA go first.'),
  release: name('the name of a release').describe('What the pool should run; a name out of the catalog.'),
  policy: name('the name of a policy').default('default').describe('How the pool is upgraded.'),
  launchTemplate: launchTemplate.optional(),
  owner: z
    .strictObject({
      kind: z
        .enum(['autoScalingGroup', 'eksNodeGroup', 'karpenter'], {
          error: 'one of autoScalingGroup, eksNodeGroup, karpenter',
        })
        .describe('Who owns the instances.'),
    })
    .optional()
    .describe(
      'Says that the health replacement of this owner is off, so that instances may be reimaged in place.',
    ),
});

const cluster = z.strictObject({
  name: name('the name of a cluster').describe('Unique within the fleet.'),
  tier: z
    .enum(['dev', 'qa', 'prod'], { error: 'one of dev, qa, prod' })
    .default('prod')
    .describe('dev, qa or prod; prod when absent.'),
  connection,
  provider,
  disruption: z
    .strictObject({
      unavailableMax: amount
        .nullable()
        .default(null)
        .describe('Nodes of the whole cluster that may be away at once, whatever pool; null: no such bound.'),
    })
    .default({ unavailableMax: null })
    .describe('A budget over all pools of the cluster.'),
  pools: z
    .array(pool, { error: 'a list of pools' })
    .min(1, { error: 'at least one pool' })
    .max(POOLS_MAX)
    .describe('Groups of nodes that run the same release under the same policy.'),
});

const release = z.strictObject({
  name: name('the name of a release').describe('How pools refer to it.'),
  image: z
    .strictObject({
      ec2: z
        .union(
          [
            pattern(imageForms, AMI),
            z
              .record(pattern('a region like us-east-1', REGION), pattern('the id of an image, ami-…', AMI))
              .refine((ids) => Object.keys(ids).length > 0, { error: imageForms }),
          ],
          { error: imageForms },
        )
        .describe('AMI id; or, where the clusters are in several regions, one for each region.'),
    })
    .describe('What is laid on the root volume.'),
  expects: z
    .strictObject({
      kubeletVersion: pattern('a version like v1.36.1', /^v\d+\.\d+\.\d+([-+]\S+)?$/)
        .optional()
        .describe('As `kubectl get nodes` shows it.'),
      osImage: text('an OS image as `kubectl get nodes -o wide` shows it')
        .optional()
        .describe('As `kubectl get nodes -o wide` shows it.'),
      labels: labels.default({}).describe('Labels that the node shows, such as its driver version.'),
    })
    .refine(
      (o) => o.kubeletVersion !== undefined || o.osImage !== undefined || Object.keys(o.labels).length > 0,
      {
        error: 'at least one of kubeletVersion, osImage, labels: a release must be told from others',
      },
    )
    .describe('A node that does not show all of these is out of date.'),
});

const promotion = z
  .strictObject({
    soak: duration(0, PROMOTION_SOAK_MS_MAX)
      .default(86_400_000)
      .describe('How long all clusters of a tier must have run a release before the next tier may have it.'),
    successMin: percent
      .default(100)
      .describe('Of the nodes that ended in the run of a cluster, so many must be done.'),
  })
  .default({ soak: 86_400_000, successMin: 100 })
  .describe('How a release goes from dev to qa to prod.');

export const fleetFile = z
  .strictObject({
    apiVersion: z.literal('refit.dev/v1alpha1', { error: 'refit.dev/v1alpha1' }),
    kind: z.literal('Fleet', { error: 'Fleet' }),
    metadata: z.strictObject({ name: fleetName.describe('Unique among the fleets of a worker.') }),
    spec: z.strictObject({
      clusters: z
        .array(cluster, { error: 'a list of clusters' })
        .min(1, { error: 'at least one cluster' })
        .max(CLUSTERS_MAX)
        .describe('The clusters of the fleet.'),
      promotion,
      releases: z
        .array(release, { error: 'a list of releases' })
        .min(1, { error: 'at least one release' })
        .max(RELEASES_MAX)
        .describe('The catalog: the only values that may be rolled out.'),
      policies: z
        .array(policyEntry, { error: 'a list of policies' })
        .max(POLICIES_MAX)
        .default([])
        .describe('Policies beside the built-in `default`.'),
      notifications: z
        .array(notification, { error: 'a list of notifications' })
        .max(NOTIFICATIONS_MAX)
        .default([])
        .describe('Who is told what, without asking.'),
    }),
  })
  .describe('A fleet of Kubernetes clusters, and what their nodes should run.');

export type FleetFile = z.output<typeof fleetFile>;

/** JSON Schema of a fleet file; draft 7, since that is what editors read best. */
export function fleetJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(fleetFile, { io: 'input', target: 'draft-7' }), title: 'Refit fleet file' };
}
