// What a fault is asked for by, refused before any server is asked.
import { describe, expect, it } from '@jest/globals';
import { injectFault } from '../../sandbox/faults/inject.ts';
import type { FaultKind } from '../../sandbox/faults/fault-file.ts';

const ask = (kind: FaultKind, on: readonly string[]): Promise<void> =>
  injectFault('no-such-folder', { kind, on, seconds: 1, share: 1, actions: null });

describe('a fault', () => {
  it.each([
    ['bare-pod', [], /bare-pod needs the name of a node/],
    ['throttle', ['ip-10-0-0-1'], /throttle takes no names; it was given ip-10-0-0-1/],
    ['pdb-blocks', ['chat'], /pdb-blocks takes NAMESPACE\/NAME; it was given chat/],
    ['pdb-blocks', ['serving/chat', 'a/b/c'], /it was given a\/b\/c/],
  ] as [FaultKind, string[], RegExp][])(
    '%s of %j is refused, saying what is missing',
    async (kind, on, why) => {
      await expect(ask(kind, on)).rejects.toThrow(why);
    },
  );

  it('that is asked for rightly needs a sandbox that is up', async () => {
    await expect(ask('pdb-blocks', ['serving/chat'])).rejects.toThrow(/no sandbox is up in no-such-folder/);
  });
});
