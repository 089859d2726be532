// `refit report`: from the records when the run is forgotten, from the run while it goes on.
import { describe, expect, it } from '@jest/globals';
import type { RecordKind, Records } from '../../adapters/ports/records.ts';
import type { Decision, RunReport } from '../../domain/report.ts';
import { CliError } from '../../clients/cli/errors.ts';
import { runRefit } from './fake-context.ts';
import { FakeTemporal } from './fake-temporal.ts';

const RUN = 'upgrade.training.prod-east';

class MemoryRecords implements Records {
  private readonly kept: { kind: RecordKind; key: string; digest: string; body: unknown }[] = [];

  put(o: { kind: RecordKind; key: string; body: unknown }): Promise<string> {
    const digest = `sha256:${String(this.kept.length)}`;
    this.kept.push({ ...o, digest });
    return Promise.resolve(digest);
  }

  get(digest: string): Promise<unknown> {
    return Promise.resolve(this.kept.find((one) => one.digest === digest)?.body);
  }

  list(o: { kind: RecordKind; key: string }): Promise<readonly string[]> {
    const own = this.kept.filter((one) => one.kind === o.kind && one.key === o.key);
    return Promise.resolve(own.map((one) => one.digest));
  }

  keys(kind: RecordKind): Promise<readonly string[]> {
    return Promise.resolve([...new Set(this.kept.filter((one) => one.kind === kind).map((one) => one.key))]);
  }
}

function makeReport(o: Partial<RunReport> = {}): RunReport {
  return {
    workflowId: RUN,
    firstExecutionRunId: 'run-1',
    fleet: 'training',
    cluster: 'prod-east',
    requestedBy: 'ana',
    startedAt: '2026-11-21T11:00:00Z',
    endedAt: '2026-11-21T11:30:00Z',
    outcome: 'succeeded',
    plan: null,
    counts: { total: 2, done: 2, failed: 0, skipped: 0, upToDate: 0, leftAlone: 0, waiting: 0 },
    notes: [],
    notesTotal: 0,
    ...o,
  };
}

const approved: Decision = {
  at: '2026-11-21T11:05:00Z',
  kind: 'approve',
  subject: 'node/ip-1',
  by: 'sam',
  reason: null,
  planDigest: null,
};

const unreachable = () => Promise.reject(new CliError('Temporal does not answer at temporal.example:7233'));

async function filled(): Promise<MemoryRecords> {
  const records = new MemoryRecords();
  await records.put({
    kind: 'report',
    key: RUN,
    body: makeReport({
      outcome: 'failed',
      endedAt: '2026-11-20T09:00:00Z',
      startedAt: '2026-11-20T08:00:00Z',
    }),
  });
  await records.put({
    kind: 'decision',
    key: RUN,
    body: { ...approved, at: '2026-11-20T08:10:00Z', by: 'of the day before' },
  });
  await records.put({ kind: 'report', key: RUN, body: makeReport() });
  await records.put({ kind: 'decision', key: RUN, body: approved });
  return records;
}

describe('refit report', () => {
  it('prints the newest report of an id from the records alone, when Temporal has forgotten the run', async () => {
    const records = await filled();
    const temporal = new FakeTemporal();
    const connect = () => Promise.resolve(temporal);
    const { exitCode, out } = await runRefit(['report', RUN], {
      connect,
      records: () => Promise.resolve(records),
    });
    expect(exitCode).toBe(0);
    expect(out).toContain(`${RUN}: succeeded`);
    expect(out).toContain('sam  approve node/ip-1');
    expect(out).not.toContain('of the day before');
  });

  it('prints it as well when Temporal cannot be reached, and says so', async () => {
    const records = await filled();
    const given = { connect: unreachable, records: () => Promise.resolve(records) };
    const { exitCode, out, err } = await runRefit(['report', RUN, '-o', 'json'], given);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ source: 'records', report: { outcome: 'succeeded' } });
    expect(err).toContain('Temporal does not answer');
  });

  it('writes it as a document when asked for markdown', async () => {
    const records = await filled();
    const given = { connect: unreachable, records: () => Promise.resolve(records) };
    const { exitCode, out } = await runRefit(['report', RUN, '-o', 'markdown'], given);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^# Report: upgrade\.training\.prod-east$/m);
    expect(out).toContain('| sam | approve | node/ip-1 |');
  });

  it('takes the digest of an earlier report', async () => {
    const records = await filled();
    const { out } = await runRefit(['report', 'sha256:0'], { records: () => Promise.resolve(records) });
    expect(out).toContain(`${RUN}: failed`);
  });

  it('lists the known reports when none is named', async () => {
    const records = await filled();
    const { exitCode, out } = await runRefit(['report'], { records: () => Promise.resolve(records) });
    expect(exitCode).toBe(0);
    expect(out.split('\n')[1]).toMatch(
      /^upgrade.training.prod-east +2026-11-20T09:00:00Z +failed +sha256:0$/,
    );
    expect(out.split('\n')[2]).toMatch(/succeeded +sha256:2$/);
  });

  it('asks the run itself while it is open, and says that this is not the last word', async () => {
    const temporal = new FakeTemporal();
    const report = makeReport({ counts: { ...makeReport().counts, done: 1, waiting: 1 } });
    temporal.add(RUN, { answers: { report: { report, digest: null, next: null } } });
    const { out, err } = await runRefit(['report', RUN, '-o', 'json'], {
      connect: () => Promise.resolve(temporal),
    });
    expect(JSON.parse(out)).toMatchObject({ source: 'run', nodes: null, report: { counts: { done: 1 } } });
    expect(err).toContain('The run goes on');
  });

  it('shows the only open run so far when none is named; the list is asked for by its name', async () => {
    const records = await filled();
    const temporal = new FakeTemporal();
    temporal.add('mine', {
      answers: { report: { report: makeReport({ outcome: null }), digest: null, next: null } },
    });
    const given = { connect: () => Promise.resolve(temporal), records: () => Promise.resolve(records) };
    expect((await runRefit(['report'], given)).out).toContain(`${RUN}: goes on`);
    expect((await runRefit(['report', '--list'], given)).out).toMatch(/succeeded +sha256:2$/m);
    temporal.add('another');
    expect((await runRefit(['report'], given)).out).toMatch(/succeeded +sha256:2$/m);
  });

  it('says where it looked when there is none', async () => {
    const temporal = new FakeTemporal();
    const given = {
      connect: () => Promise.resolve(temporal),
      records: () => Promise.resolve(new MemoryRecords()),
    };
    const { exitCode, err } = await runRefit(['report', 'nope'], given);
    expect(exitCode).toBe(1);
    expect(err).toContain('there is no report of nope, neither in the records nor at Temporal');
  });

  it('needs the place of the records for a list', async () => {
    const { exitCode, err } = await runRefit(['report']);
    expect(exitCode).toBe(1);
    expect(err).toContain('REFIT_RECORDS is not set');
  });
});
