// Histories as files: plain JSON of the server's own messages, with bytes in base64, and no path or name of
// the machine on which they were made. What was decided in them stays as it is.
//
// Not the JSON of the stock CLI: reading that back needs one protobufjs, where the SDK brings three.

type Replacement = readonly [found: string, instead: string];

/** Bytes are payloads, which carry JSON of their own: it is cleaned as well. */
export function renderHistory(history: unknown, replacements: readonly Replacement[]): string {
  const clean = (text: string): string =>
    replacements.reduce((so, [found, instead]) => so.replaceAll(found, instead), text);
  const visit = (value: unknown): unknown => {
    if (typeof value === 'string') return clean(value);
    if (ArrayBuffer.isView(value)) return { $bytes: cleanBytes(value, clean) };
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item)]));
  };
  return JSON.stringify(visit(history));
}

function cleanBytes(view: ArrayBufferView, clean: (text: string) => string): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const text = bytes.toString('utf8');
  const cleaned = clean(text);
  return (cleaned === text ? bytes : Buffer.from(cleaned, 'utf8')).toString('base64');
}

export function parseHistory(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('$bytes' in value)) return value;
    return Buffer.from(String(value.$bytes), 'base64');
  });
}
