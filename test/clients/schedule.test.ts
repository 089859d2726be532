// `refit schedule`: what it creates, shows and changes, and what it refuses before anything is created.
import { describe, expect, it } from '@jest/globals';
import { runRefit } from './fake-context.ts';
import { FakeFleet, makeFleet } from './fake-fleet.ts';
import { FakeTemporal } from './fake-temporal.ts';

function parts() {
  const temporal = new FakeTemporal();
  const side = new FakeFleet();
  const given = { connect: () => Promise.resolve(temporal), fleet: () => Promise.resolve(side) };
  return {
    schedules: temporal.schedules,
    side,
    refit: (...args: string[]) => runRefit(['schedule', ...args], given),
  };
}

describe('refit schedule drift', () => {
  it('creates a schedule of driftWatch, and says how the stock command would', async () => {
    const { schedules, refit } = parts();
    const { exitCode, out, err } = await refit('drift', 'training', '--every', '1h');
    expect(exitCode).toBe(0);
    expect(out).toBe('');
    expect([...schedules.rows.values()]).toMatchObject([
      { scheduleId: 'drift.training', type: 'driftWatch', everyMs: 3_600_000, input: { fleet: 'training' } },
    ]);
    expect(err.split('\n')).toEqual([
      'drift.training looks at fleet training every 1h; it tells nobody: fleet training has no spec.notifications.',
      'The same by the stock command:',
      '  temporal schedule create --schedule-id drift.training --interval 1h --overlap-policy Skip \\',
      `    --workflow-id drift.training --task-queue refit --type driftWatch --input '{"fleet":"training"}'`,
      '',
    ]);
  });

  it('takes clusters and an id of its own, and the only fleet without a word', async () => {
    const { schedules, refit } = parts();
    const { exitCode } = await refit('drift', '--every', '10m', '--cluster', 'prod-east', '--id', 'watch');
    expect(exitCode).toBe(0);
    expect(schedules.rows.get('watch')?.input).toEqual({ fleet: 'training', clusters: ['prod-east'] });
  });

  it.each([
    [['drift', '--every', '5s'], '--every is 5s, expected a duration from 1m to 7d'],
    [['drift', '--every', 'often'], '--every is often'],
    [['drift', 'trainng', '--every', '1h'], 'Did you mean training?'],
    [['drift', '--every', '1h', '--cluster', 'prod-wets'], 'Did you mean prod-west?'],
    [['drift', '--every', '1h'], 'say which fleet: training, inference'],
  ])('refuses %j before anything is created', async (args, why) => {
    const { schedules, side, refit } = parts();
    const clusters = ['prod-east', 'prod-west'];
    side.fleets = [makeFleet({ clusters }), ...(args.length === 3 ? [makeFleet({ name: 'inference' })] : [])];
    const { exitCode, err } = await refit(...args);
    expect(exitCode).toBe(1);
    expect(err).toContain(why);
    expect(schedules.rows.size).toBe(0);
  });

  it('changes none that is there: it says how to delete it', async () => {
    const { refit } = parts();
    await refit('drift', '--every', '1h');
    const { exitCode, err } = await refit('drift', '--every', '2h');
    expect(exitCode).toBe(1);
    expect(err).toContain('refit schedule delete drift.training');
  });
});

describe('schedules that are there', () => {
  it('are listed, paused with a reason, resumed and deleted', async () => {
    const { refit } = parts();
    await refit('drift', '--every', '1h');
    expect((await refit('list')).out.split('\n')).toEqual([
      'ID              TYPE        EVERY  LAST  NEXT                  STATE',
      'drift.training  driftWatch  1h     -     2026-11-21T13:00:00Z  active',
      '',
    ]);
    expect((await refit('pause', 'drift.training', '--reason', 'freeze')).err).toBe(
      'Schedule drift.training is paused.\n',
    );
    expect((await refit('list')).out).toContain('-     paused: freeze');
    await refit('resume', 'drift.training');
    const listed = JSON.parse((await refit('list', '-o', 'json')).out) as unknown;
    expect(listed).toMatchObject({
      schedules: [{ paused: false, note: 'resumed by ana', everyMs: 3_600_000 }],
    });
    expect((await refit('delete', 'drift.training')).exitCode).toBe(0);
    expect((await refit('list')).err).toContain('There is none.');
  });

  it('are told from those that are not', async () => {
    const { refit } = parts();
    for (const args of [
      ['pause', 'x', '--reason', 'y'],
      ['resume', 'x'],
      ['delete', 'x'],
    ]) {
      const { exitCode, err } = await refit(...args);
      expect(exitCode).toBe(1);
      expect(err).toContain('there is no schedule "x"');
    }
  });
});
