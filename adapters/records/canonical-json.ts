// One text for one value: object keys sorted, nothing optional, so that equal bodies have equal digests
// whoever writes them. Must never write down a value that JSON would change silently (NaN becomes null).
import { PortError } from '../ports/errors.ts';

export function renderCanonicalJson(body: unknown): string {
  return render(body, '$');
}

function render(value: unknown, path: string): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw notJson(path, String(value));
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item, index) => render(item, `${path}[${index}]`)).join(',')}]`;
  }
  if (typeof value === 'object') return renderObject(value, path);
  throw notJson(path, typeof value);
}

function renderObject(value: object, path: string): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  // A Date, a Map or a class would lose what it is; the caller says what it means by it.
  if (prototype !== Object.prototype && prototype !== null) {
    throw notJson(path, value.constructor.name);
  }
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${render(item, `${path}.${key}`)}`).join(',')}}`;
}

function notJson(path: string, found: string): PortError {
  return new PortError('invalid', `record at ${path}: found ${found}, expected plain JSON`);
}
