// A yes for another plan: the run refuses it, and the command tells what differs, as far as the records know.
import { describe, expect, it } from '@jest/globals';
import { planBasis } from '../../domain/planning/plan-digest.ts';
import { createFakeRecords } from '../fakes/fake-records.ts';
import { samplePlan } from '../domain/render/sample-run.ts';
import { runRefit } from './fake-context.ts';
import { FakeTemporal, makeStatus } from './fake-temporal.ts';

const RUN = 'upgrade.training.prod-east';
const { definition, rows } = samplePlan();

async function refuse(o: { keepsBoth: boolean }) {
  const records = createFakeRecords();
  const put = (basis: object) => records.put({ kind: 'planBasis', key: RUN, body: basis });
  const looked = await put(planBasis(definition, rows));
  const other = planBasis(definition, rows.slice(1));
  const has = o.keepsBoth ? await put(other) : `sha256:${'0'.repeat(64)}`;
  const temporal = new FakeTemporal();
  temporal.add(RUN, { statuses: [makeStatus({ planDigest: has })] });
  temporal.refusal = `this run's plan is ${has}; the message was for ${looked}`;
  const given = { connect: () => Promise.resolve(temporal), records: () => Promise.resolve(records) };
  return { looked, has, given };
}

describe('a yes for another plan than the run has', () => {
  it('is refused with what has moved between the two [I175]', async () => {
    const { looked, given } = await refuse({ keepsBoth: true });
    const { exitCode, err } = await runRefit(['approve', 'node/n1', '--plan-digest', looked], given);
    expect(exitCode).toBe(1);
    expect(err).toContain('From the plan that was looked at to the plan of the run:');
    expect(err).toContain(`nodes: ${rows[0]?.node ?? ''}: went`);
  });

  it('is refused with a word that nobody knows what has moved, when the records do not', async () => {
    const { looked, given } = await refuse({ keepsBoth: false });
    const { err } = await runRefit(['reject', 'node/n1', '--plan-digest', looked], given);
    expect(err).toContain('is not known: both must stand in REFIT_RECORDS');
    const without = { ...given, records: () => Promise.resolve(undefined) };
    expect((await runRefit(['approve', 'node/n1', '--plan-digest', looked], without)).err).toContain(
      'is not known',
    );
  });

  it('says nothing of plans when the plan was the right one', async () => {
    const { has, given } = await refuse({ keepsBoth: true });
    const { err } = await runRefit(['approve', 'node/n1', '--plan-digest', has], given);
    expect(err).not.toMatch(/moved|looked at/);
  });
});
