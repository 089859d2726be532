// `refit change-policy`: what is sent for what was typed, and what is refused before anything is sent.
import { describe, expect, it } from '@jest/globals';
import { runRefit } from './fake-context.ts';
import { FakeTemporal } from './fake-temporal.ts';

const RUN = 'upgrade.training.prod-east';
const REASON = ['--reason', 'alarm'];

function connected() {
  const temporal = new FakeTemporal();
  temporal.add(RUN);
  return { temporal, connect: () => Promise.resolve(temporal) };
}

describe('refit change-policy', () => {
  it.each<[readonly string[], unknown]>([
    [['--set', 'disruption.unavailableMax=3'], { disruption: { unavailableMax: 3 } }],
    [['--set', 'disruption.unavailableMax=10%'], { disruption: { unavailableMax: '10%' } }],
    [
      ['--set', 'drain.timeout=1h', '--set', 'drain.onTimeout=defer', '--set', 'failure.failuresMax=2'],
      { drain: { timeout: '1h', onTimeout: 'defer' }, failure: { failuresMax: 2 } },
    ],
    [['--set', 'approval.expiresAfter=null'], { approval: { expiresAfter: null } }],
    [['--set', 'windows=[]'], { windows: [] }],
    [['--set', 'approval.selfApproval=false'], { approval: { selfApproval: false } }],
    [['--policy', '{"verify":{"soak":"5m"}}'], { verify: { soak: '5m' } }],
  ])('sends %j as the overrides that a fleet file would hold', async (args, policy) => {
    const { temporal, connect } = connected();
    const { exitCode, out } = await runRefit(['change-policy', ...args, ...REASON], { connect });
    expect(exitCode).toBe(0);
    expect(out).toBe('change-policy: done as asked\n');
    expect(temporal.updates).toMatchObject([
      { workflowId: RUN, name: 'changePolicy', content: { by: 'ana', reason: 'alarm', policy } },
    ]);
  });

  it('tells what is wrong, as the run says it, and exits with 1', async () => {
    const { temporal, connect } = connected();
    temporal.refusal = 'input: policy.drain.timout\n  found:    timout\n  fix:      did you mean timeout?';
    const { exitCode, err } = await runRefit(['change-policy', '--set', 'drain.timout=1h', ...REASON], {
      connect,
    });
    expect(exitCode).toBe(1);
    expect(err).toContain('refused change-policy: input: policy.drain.timout');
    expect(err).toContain('did you mean timeout?');
  });

  it.each<[readonly string[], string]>([
    [[], 'change-policy needs what to change: --set FIELD=VALUE, or --policy JSON'],
    [['--set', 'drain.timeout'], '--set: found "drain.timeout", expected FIELD=VALUE'],
    [['--set', '=3'], '--set: found "=3"'],
    [['--set', 'drain..timeout=3'], '--set: found "drain..timeout=3"'],
    [['--policy', '{'], '--policy is not JSON'],
    [['--set', 'windows=[]', '--policy', '{}'], '--set and --policy do not go together'],
    [['--set', `exclusions="${'x'.repeat(40_000)}"`], 'at most 32768 characters of overrides'],
  ])('refuses %# before anything is sent', async (args, why) => {
    const { temporal, connect } = connected();
    const { exitCode, err } = await runRefit(['change-policy', ...args, ...REASON], { connect });
    expect(exitCode).toBe(1);
    expect(err).toContain(why);
    expect(temporal.updates).toEqual([]);
  });

  it('needs a reason', async () => {
    const { temporal, connect } = connected();
    const { err } = await runRefit(['change-policy', '--set', 'windows=[]'], { connect });
    expect(err).toContain('change-policy needs a reason: --reason TEXT');
    expect(temporal.updates).toEqual([]);
  });

  it('leads no key of the language into what is sent', async () => {
    const { temporal, connect } = connected();
    await runRefit(['change-policy', '--set', '__proto__.polluted=true', ...REASON], { connect });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(temporal.updates).toHaveLength(1);
  });
});
