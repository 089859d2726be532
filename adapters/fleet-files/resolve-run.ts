// From what somebody asked for to the definition that his run keeps: names looked up, policies
// overridden, pools put in order. Reads nothing; everything wrong with the input is told at once.
import { whyLooser } from '../../domain/approval-change.ts';
import { InvalidFleet, renderPath, type FleetProblem } from '../../domain/invalid-fleet.ts';
import type { CatalogRelease, Cluster, Fleet, Pool, Release } from '../../domain/fleet.ts';
import { renderFound } from '../../domain/parse/parsed.ts';
import type { PolicyOrigins } from '../../domain/policy-origins.ts';
import type { FleetUpgradeInput, RunDefinition } from '../../domain/run.ts';
import { z } from 'zod';
import { expectationOf, findingsOf } from '../../domain/schemas/expectation.ts';
import { renderNames } from '../../domain/schemas/check-fleet-file.ts';
import { valueAt, type Finding } from '../../domain/schemas/finding.ts';
import { releaseIn, releasesIn } from '../../domain/release-image.ts';
import { mergePolicy, policyOverrides, type PolicyOverrides } from '../../domain/schemas/policy.ts';
import { writtenFields } from '../../domain/schemas/resolve-fleet.ts';
import { checkEnforced } from '../../domain/schemas/unenforced.ts';
import type { LoadedFleet } from './load-fleets.ts';
import { nearest } from './nearest.ts';
import { releaseDigestOf } from './tiers.ts';

/** It travels in the workflow's history and in every activity that plans: an eighth of a payload's size. */
const DEFINITION_BYTES_MAX = 64 * 1024;
/** DNS-1123 subdomain, as Kubernetes names nodes. */
const NODE_NAME = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export function resolveRun(loaded: readonly LoadedFleet[], input: FleetUpgradeInput): RunDefinition {
  const fleet = findFleet(loaded, input.fleet);
  const cluster = fleet.clusters.find(({ name }) => name === input.cluster);
  if (cluster === undefined) {
    throw new InvalidFleet([
      unknownName(['cluster'], input.cluster, `a cluster of fleet ${fleet.name}`, namesOf(fleet.clusters)),
    ]);
  }
  const overrides = parseOverrides(input.policy);
  const problems = [
    ...checkPools(cluster, input),
    ...checkRelease(fleet, cluster, input),
    ...checkNodes(input),
    ...overrides.problems,
  ];
  if (problems.length > 0) throw new InvalidFleet(problems);
  const definition = define(fleet, cluster, input, overrides.patch);
  const unasked = [...checkRequester(definition), ...checkApprovals(cluster, definition, input)];
  if (unasked.length > 0) throw new InvalidFleet(unasked);
  return bounded(definition);
}

/** The same checks for a run that has begun: what it keeps but for its policies stays as it is. */
export function overridePolicies(definition: RunDefinition, policy: unknown): RunDefinition {
  const overrides = parseOverrides(policy);
  if (overrides.problems.length > 0) throw new InvalidFleet(overrides.problems);
  const pools = definition.pools.map((pool) => overridden(pool, overrides.patch));
  const changed = { ...definition, pools, ...overriddenOrigins(definition, overrides.patch) };
  const nobody = checkRequester(changed);
  if (nobody.length > 0) throw new InvalidFleet(nobody);
  return bounded(changed);
}

function overridden(pool: Pool, patch: PolicyOverrides): Pool {
  return { ...pool, policy: mergePolicy(pool.policy, patch, pool.policy.name) };
}

/** What was not known before stays unknown. */
function overriddenOrigins(
  { origins }: RunDefinition,
  patch: PolicyOverrides,
): Pick<RunDefinition, 'origins'> {
  if (origins === undefined) return {};
  return {
    origins: { ...origins, overrides: [...new Set([...origins.overrides, ...writtenFields(patch)])] },
  };
}

/** Of the policies in scope alone. */
function originsOf(fleet: Fleet, pools: readonly Pool[], patch: PolicyOverrides): PolicyOrigins {
  const policies = Object.entries(fleet.policyOrigins).filter(([name]) =>
    pools.some(({ policy }) => policy.name === name),
  );
  return { policies: Object.fromEntries(policies), overrides: writtenFields(patch) };
}

function define(
  fleet: Fleet,
  cluster: Cluster,
  input: FleetUpgradeInput,
  patch: PolicyOverrides,
): RunDefinition {
  const inScope = cluster.pools
    .filter(({ name }) => input.pools === undefined || input.pools.includes(name))
    .map((pool) => overridden(pool, patch));
  // A stable sort: within each half the order of the file holds.
  const pools = inScope.toSorted((a, b) => Number(a.sla) - Number(b.sla));
  return {
    fleet: fleet.name,
    cluster: { name: cluster.name, connection: cluster.connection, provider: cluster.provider },
    tier: cluster.tier,
    clusterUnavailableMax: cluster.unavailableMax,
    pools,
    releases: Object.fromEntries(
      pools.map((pool) => [pool.name, releaseOf(fleet, { cluster, pool, input })]),
    ),
    catalog: releasesIn(fleet.releases, cluster.provider.region),
    nodes: input.nodes === undefined ? null : [...new Set(input.nodes)],
    planDigest: input.planDigest ?? null,
    requestedBy: input.requestedBy ?? null,
    releaseDigests: Object.fromEntries(
      pools.map((pool) => [pool.name, releaseDigestOf(inCatalog(fleet, pool, input))]),
    ),
    origins: originsOf(fleet, pools, patch),
    ...(fleet.notifications === undefined ? {} : { notifications: fleet.notifications }),
  };
}

function releaseOf(
  fleet: Fleet,
  { cluster, pool, input }: { cluster: Cluster; pool: Pool; input: FleetUpgradeInput },
): Release {
  const { region } = cluster.provider;
  const known = inCatalog(fleet, pool, input);
  const release = releaseIn(known, region);
  if (release === undefined) throw new Error(`no ${known.name} for ${region} in a checked fleet`);
  return release;
}

function inCatalog(fleet: Fleet, pool: Pool, input: FleetUpgradeInput): CatalogRelease {
  const wanted = input.release ?? pool.release;
  const release = fleet.releases.find(({ name }) => name === wanted);
  if (release === undefined) throw new Error(`no release ${wanted} in a checked fleet`);
  return release;
}

/** The fleet, when it is right; else what is wrong with it, or that there is none. */
export function findFleet(loaded: readonly LoadedFleet[], wanted: string): Fleet {
  const named = loaded.filter(({ name }) => name === wanted);
  const broken = named.flatMap(({ problems }) => problems);
  if (broken.length > 0) throw new InvalidFleet(broken);
  const fleet = named[0]?.fleet;
  if (fleet !== undefined && fleet !== null) return fleet;
  const known = loaded.flatMap(({ name }) => name ?? []);
  // It may well stand in a file that cannot be read: those problems belong to the answer.
  throw new InvalidFleet([
    unknownName(['fleet'], wanted, 'a fleet of the files that REFIT_FLEET names', known),
    ...loaded.flatMap(({ problems }) => problems),
  ]);
}

function checkPools(cluster: Cluster, input: FleetUpgradeInput): FleetProblem[] {
  const known = namesOf(cluster.pools);
  return (input.pools ?? []).flatMap((name, index) =>
    known.includes(name)
      ? []
      : [unknownName(['pools', index], name, `a pool of cluster ${cluster.name}`, known)],
  );
}

function checkRelease(fleet: Fleet, { provider }: Cluster, input: FleetUpgradeInput): FleetProblem[] {
  if (input.release === undefined) return [];
  const release = fleet.releases.find(({ name }) => name === input.release);
  if (release === undefined) {
    return [unknownName(['release'], input.release, 'a release of the catalog', namesOf(fleet.releases))];
  }
  if (releaseIn(release, provider.region) !== undefined) return [];
  const fix = `give it an image for ${provider.region} in the fleet file: spec.releases[].image.ec2`;
  return [wrong(['release'], input.release, `a release with an image in ${provider.region}`, fix)];
}

/** Whoever asked for the run may not approve it: so it must be known who that is. */
function checkRequester({ pools, requestedBy }: RunDefinition): FleetProblem[] {
  const strict = pools.find(({ policy }) => !policy.approval.selfApproval);
  if (strict === undefined || requestedBy !== null) return [];
  const expected =
    `who asks for the run: policy ${strict.policy.name} of pool ${strict.name} counts no yes of theirs ` +
    '(approval.selfApproval: false)';
  const fix = 'give "requestedBy": "NAME" in the input, or --requested-by NAME';
  return [wrong(['requestedBy'], undefined, expected, fix)];
}

/** Who starts a run does not decide alone that fewer people are asked than the fleet file says. */
function checkApprovals(
  cluster: Cluster,
  { pools }: RunDefinition,
  { policy }: FleetUpgradeInput,
): FleetProblem[] {
  return pools.flatMap(({ name, policy: effective }) => {
    const declared = cluster.pools.find((pool) => pool.name === name)?.policy;
    const why = declared === undefined ? undefined : whyLooser(declared.approval, effective.approval);
    if (why === undefined) return [];
    const found = valueAt({ policy }, ['policy', 'approval']);
    return [wrong(['policy', 'approval'], found, `nothing looser for pool ${name}: ${why}`, null)];
  });
}

function checkNodes(input: FleetUpgradeInput): FleetProblem[] {
  return (input.nodes ?? []).flatMap((name, index) =>
    NODE_NAME.test(name)
      ? []
      : [wrong(['nodes', index], name, 'the name of a node, as `kubectl get nodes` shows it', null)],
  );
}

function parseOverrides(policy: unknown): { patch: PolicyOverrides; problems: FleetProblem[] } {
  if (policy === undefined) return { patch: {}, problems: [] };
  const document = { policy };
  const locate = (finding: Finding): FleetProblem =>
    finding.at === 'key'
      ? {
          ...wrong(finding.path, undefined, finding.expected, finding.fix),
          found: String(finding.path.at(-1)),
        }
      : wrong(finding.path, valueAt(document, finding.path), finding.expected, finding.fix);
  const schema = z.strictObject({ policy: policyOverrides });
  const parsed = schema.safeParse(document, { error: expectationOf });
  const form = parsed.success
    ? []
    : findingsOf(parsed.error.issues, document, z.toJSONSchema(schema, { io: 'input' }), nearest);
  const findings = [...form, ...checkEnforced(policy, ['policy'])].filter(isFirstOfItsPath);
  return { patch: parsed.success ? parsed.data.policy : {}, problems: findings.map(locate) };
}

function isFirstOfItsPath(finding: Finding, index: number, all: readonly Finding[]): boolean {
  const path = renderPath(finding.path);
  return all.findIndex((other) => renderPath(other.path) === path) === index;
}

/** Where values come from is the first to be left out: nothing is decided by it. */
function bounded(whole: RunDefinition): RunDefinition {
  if (bytesOf(whole) <= DEFINITION_BYTES_MAX) return whole;
  const definition = withoutOrigins(whole);
  const bytes = bytesOf(definition);
  if (bytes <= DEFINITION_BYTES_MAX) return definition;
  const most = definition.nodes === null ? ['fleet'] : ['nodes'];
  throw new InvalidFleet([
    {
      ...wrong(most, undefined, `at most ${DEFINITION_BYTES_MAX} bytes for all that a run keeps`, null),
      found: `${bytes} bytes of pools, catalog and names of nodes`,
      fix: 'name pools instead of nodes, take fewer at a time, or drop old releases from the catalog',
    },
  ]);
}

function withoutOrigins({ origins: _, ...definition }: RunDefinition): RunDefinition {
  return definition;
}

/** The tiers below have a bound of their own (activities/rollouts.ts). */
function bytesOf({ lowerTiers: _, tiersBelow: __, ...definition }: RunDefinition): number {
  return new TextEncoder().encode(JSON.stringify(definition)).length;
}

function unknownName(
  path: Finding['path'],
  name: string,
  what: string,
  known: readonly string[],
): FleetProblem {
  const near = nearest(name, known);
  const fix = near === undefined ? null : `did you mean ${near}?`;
  return wrong(path, name, `${what}: ${renderNames(known)}`, fix);
}

function wrong(path: Finding['path'], found: unknown, expected: string, fix: string | null): FleetProblem {
  const place = { file: 'input', line: null, column: null, path: renderPath(path) };
  return { ...place, found: renderFound(found), expected, fix };
}

function namesOf(entries: readonly { name: string }[]): string[] {
  return entries.map(({ name }) => name);
}
