// EC2's query protocol, as far as the front speaks it itself: form fields in, XML out. Everything else
// passes through as it came.
import { randomUUID } from 'node:crypto';
import { XMLBuilder } from 'fast-xml-parser';

const NAMESPACE = 'http://ec2.amazonaws.com/doc/2016-11-15/';

export type Parameters = Readonly<Record<string, string>>;

/** What EC2 answers when it refuses: its code, its words and its HTTP status. */
export class Ec2Refusal extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = 'Ec2Refusal';
    this.code = code;
    this.status = status;
  }
}

export function parseForm(body: string): Parameters {
  return Object.fromEntries(new URLSearchParams(body));
}

/** `Name.1`, `Name.2`, … in their order. */
export function listOf(parameters: Parameters, name: string): readonly string[] {
  const values: string[] = [];
  for (let at = 1; ; at += 1) {
    const value = parameters[`${name}.${String(at)}`];
    if (value === undefined) return values;
    values.push(value);
  }
}

/** The numbered groups under a name: `Filter.1.Name`, `Filter.1.Value.1` → `{Name, 'Value.1'}`. */
export function groupsOf(parameters: Parameters, name: string): readonly Parameters[] {
  const groups: Record<string, string>[] = [];
  for (const [key, value] of Object.entries(parameters)) {
    const match = /^(\d+)\.(.+)$/.exec(key.startsWith(`${name}.`) ? key.slice(name.length + 1) : '');
    const [, at = '', rest = ''] = match ?? [];
    if (at === '') continue;
    const group = (groups[Number(at) - 1] ??= {});
    group[rest] = value;
  }
  return groups.filter((group) => group !== undefined);
}

export interface Filter {
  name: string;
  values: readonly string[];
}

export function filtersOf(parameters: Parameters): readonly Filter[] {
  return groupsOf(parameters, 'Filter').map((group) => ({
    name: group['Name'] ?? '',
    values: listOf(group, 'Value'),
  }));
}

/** Tags for one resource type out of TagSpecification. */
export function tagsFor(parameters: Parameters, resourceType: string): Readonly<Record<string, string>> {
  const specification = groupsOf(parameters, 'TagSpecification').find(
    (group) => group['ResourceType'] === resourceType,
  );
  if (specification === undefined) return {};
  return Object.fromEntries(
    groupsOf(specification, 'Tag').map((tag) => [tag['Key'] ?? '', tag['Value'] ?? '']),
  );
}

export function flag(parameters: Parameters, name: string): boolean {
  return parameters[name]?.toLowerCase() === 'true';
}

const builder = new XMLBuilder({ suppressEmptyNode: false });

function document(root: string, content: Record<string, unknown>): string {
  const xml = String(builder.build(content));
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${NAMESPACE}">${xml}</${root}>`;
}

/** Values in `content` become elements; a list stands under `item`. */
export function renderAnswer(action: string, content: Record<string, unknown>): string {
  return document(`${action}Response`, { requestId: randomUUID(), ...content });
}

export function renderRefusal(refusal: Ec2Refusal): string {
  const xml = String(
    builder.build({
      Response: {
        Errors: { Error: { Code: refusal.code, Message: refusal.message } },
        RequestID: randomUUID(),
      },
    }),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xml}`;
}
