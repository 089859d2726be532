// What must outlive a workflow's retention: reports, plans, decisions, node histories.
// Immutable JSON named by its digest. What the records do not show is unknown, never good.

export type RecordKind =
  | 'plan'
  | 'planPage'
  | 'planBasis'
  | 'planMeets'
  | 'report'
  | 'decision'
  | 'nodeHistory'
  | 'rollout'
  | 'outdated';

export interface Records {
  /** Writes `body` once; the same body gives the same digest (`sha256:…`). `key` groups, e.g. a workflow id. */
  put(o: { kind: RecordKind; key: string; body: unknown }): Promise<string>;
  /** undefined when there is none; throws PortError `unsafe` when the content does not match its digest. */
  get(digest: string): Promise<unknown>;
  /** Digests under (kind, key), oldest first. */
  list(o: { kind: RecordKind; key: string }): Promise<readonly string[]>;
  /** Keys of this kind, e.g. the workflow ids that have reports. */
  keys(kind: RecordKind): Promise<readonly string[]>;
}
