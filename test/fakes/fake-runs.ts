// What Temporal would say about other workflows, set by the test.
import type { ChildRun, Grant, RunState, Runs } from '../../adapters/ports/runs.ts';
import type { RunStatus } from '../../domain/status.ts';

export type FakeRuns = Runs & {
  /** What the next checkGrant answers. */
  grant: Grant;
  /** By `<workflowId>/<firstExecutionRunId>`; absent = unknown. */
  states: Map<string, RunState>;
  /** By child id; absent = unknown. */
  children: Map<string, ChildRun>;
  /** By workflow id; absent = nobody answers. */
  statuses: Map<string, RunStatus>;
  calls: { method: keyof Runs; argument: unknown }[];
};

export function createFakeRuns(): FakeRuns {
  const fake: FakeRuns = {
    grant: { kind: 'granted' },
    states: new Map(),
    children: new Map(),
    statuses: new Map(),
    calls: [],
    checkGrant: (argument) => {
      fake.calls.push({ method: 'checkGrant', argument });
      return Promise.resolve(fake.grant);
    },
    collectState: (argument) => {
      fake.calls.push({ method: 'collectState', argument });
      const key = `${argument.workflowId}/${argument.firstExecutionRunId}`;
      return Promise.resolve(fake.states.get(key) ?? { kind: 'unknown' });
    },
    collectChild: (argument) => {
      fake.calls.push({ method: 'collectChild', argument });
      return Promise.resolve(fake.children.get(argument.childId) ?? { kind: 'unknown' });
    },
    collectStatus: (argument) => {
      fake.calls.push({ method: 'collectStatus', argument });
      const status = fake.statuses.get(argument.workflowId);
      return status === undefined ? Promise.reject(new Error('no such run')) : Promise.resolve(status);
    },
    tellRun: (argument) => {
      fake.calls.push({ method: 'tellRun', argument });
      return Promise.resolve({ kind: 'accepted', effect: `${argument.name} was taken` });
    },
    reportProgress: (argument) => {
      fake.calls.push({ method: 'reportProgress', argument });
      return Promise.resolve();
    },
    reportState: (argument) => {
      fake.calls.push({ method: 'reportState', argument });
      return Promise.resolve();
    },
  };
  return fake;
}
