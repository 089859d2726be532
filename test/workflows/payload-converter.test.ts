// Payloads of strangers: whatever they claim to be, a message must reach its parser, and an activity's
// result must never be mistaken.
import { describe, expect, it } from '@jest/globals';
import { messageParsers } from '../../domain/parse/messages.ts';
import { ownOrFail } from '../../workflows/inputs.ts';
import { payloadConverter } from '../../workflows/payload-converter.ts';

const ofWorkflow = { type: 'workflow' as const, namespace: 'default', workflowId: 'w' };
const ofActivity = { type: 'activity' as const, namespace: 'default', isLocal: false };
const bytes = (text: string) => new TextEncoder().encode(text);
const payload = (encoding: string, data: string) => ({
  metadata: { encoding: bytes(encoding) },
  data: bytes(data),
});
const unreadable = [
  { what: 'an unknown encoding', one: payload('binary/encrypted', 'x') },
  { what: 'half of a JSON', one: payload('json/plain', '{"gate":') },
  { what: 'an encoding of other programs', one: payload('json/protobuf', '{}') },
  { what: 'no metadata', one: {} },
];

describe('payloads that cannot be read', () => {
  it.each(unreadable)('reach the parser of a message as a text that it refuses: $what [I73]', ({ one }) => {
    const content: unknown = payloadConverter.fromPayload(one, ofWorkflow);
    expect(content).toMatch(/^unreadable payload: /);
    expect(messageParsers.approve(content)).toMatchObject({ kind: 'invalid', found: content });
  });

  it.each(unreadable)('are an error as the result of an activity: $what', ({ one }) => {
    expect(() => payloadConverter.fromPayload(one, ofActivity)).toThrow();
    expect(() => payloadConverter.fromPayload(one)).toThrow();
  });

  it('are told from those that can', () => {
    const value = { gate: 'node/a', by: 'ana' };
    const there = payloadConverter.toPayload(value, ofWorkflow);
    expect(payloadConverter.fromPayload(there, ofWorkflow)).toEqual(value);
  });
});

describe('a second argument', () => {
  it('of a start is refused when no workflow gave it', () => {
    expect(ownOrFail(undefined)).toBeUndefined();
    for (const wrong of ['text', {}, { kind: 'carried' }, { kind: 'child', step: {} }])
      expect(() => ownOrFail(wrong as never)).toThrow(/second argument/);
  });
});
