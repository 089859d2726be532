// The command that starts the very plan that was looked at.
import { describe, expect, it } from '@jest/globals';
import { startCommandOf } from '../../clients/cli/start-command.ts';

const where = { fleet: 'training', cluster: 'prod-east' };

describe('the command that runs a plan', () => {
  it('repeats what the plan was made with, so that its digest can be met', () => {
    expect(startCommandOf(where, 'sha256:aa')).toBe('refit upgrade prod-east --plan-digest sha256:aa');
    const scoped = { ...where, pools: ['h100', 'batch'], nodes: ['ip-1'], release: '2026.11' };
    expect(startCommandOf(scoped, 'sha256:aa', 'training')).toBe(
      'refit upgrade prod-east --fleet training --pool h100 --pool batch --node ip-1 --release 2026.11 ' +
        '--plan-digest sha256:aa',
    );
  });

  it('may be pasted into a shell, whatever the overrides are', () => {
    const policy = { exclusions: [{ why: "it's a $HOLIDAY" }] };
    expect(startCommandOf({ ...where, policy }, 'sha256:aa')).toBe(
      String.raw`refit upgrade prod-east --policy '{"exclusions":[{"why":"it'\''s a $HOLIDAY"}]}' --plan-digest sha256:aa`,
    );
  });
});
