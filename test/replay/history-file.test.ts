// What is kept of a history must be all of it, save for the machine on which it was made.
import { describe, expect, it } from '@jest/globals';
import { parseHistory, renderHistory } from './history-file.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const history = {
  events: [
    { eventId: { low: 1, high: 0, unsigned: false }, data: bytes('{"path":"/tmp/bed-1/kubeconfig"}') },
    { identity: '12@builder-7', binary: new Uint8Array([0, 255, 128]), nothing: null },
  ],
};

describe('a history in a file', () => {
  it('comes back as it was, bytes and all', () => {
    const back = parseHistory(renderHistory(history, [])) as typeof history;
    expect(back.events[0]?.eventId).toEqual({ low: 1, high: 0, unsigned: false });
    expect([...(back.events[1]?.binary ?? [])]).toEqual([0, 255, 128]);
    expect(Buffer.from(back.events[0]?.data ?? []).toString()).toBe('{"path":"/tmp/bed-1/kubeconfig"}');
  });

  it('names no machine, within payloads neither', () => {
    const text = renderHistory(history, [
      ['/tmp/bed-1', '/sandbox'],
      ['builder-7', 'host'],
    ]);
    const back = parseHistory(text) as typeof history;
    expect(back.events[1]?.identity).toBe('12@host');
    expect(Buffer.from(back.events[0]?.data ?? []).toString()).toBe('{"path":"/sandbox/kubeconfig"}');
    expect([...(back.events[1]?.binary ?? [])]).toEqual([0, 255, 128]);
  });
});
