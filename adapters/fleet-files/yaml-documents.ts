// Text of a fleet file → plain documents that still know where each value stood. YAML 1.2, JSON
// within it, several documents to a file. Anchors may repeat a value; they may not explode.
import { isAlias, isCollection, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, visit } from 'yaml';
import type { Document, Pair } from 'yaml';
import { PROBLEMS_MAX, renderPath, type FleetProblem } from '../../domain/invalid-fleet.ts';
import { renderFound } from '../../domain/parse/parsed.ts';
import type { Finding } from '../../domain/schemas/finding.ts';

export type YamlDocument = {
  value: unknown;
  /** Adds the places, and what stood there; in the order of the text. */
  locate: (findings: readonly Finding[]) => FleetProblem[];
};

export type YamlFile = { documents: YamlDocument[]; problems: FleetProblem[] };

/** Nodes that aliases may add up to, for each anchored one: the bound that the `yaml` library counts. */
const ALIASES_MAX = 100;

const NESTED_DEEP = 'lists or objects nested hundreds deep';

type Path = readonly (string | number)[];

export function readYaml(file: string, text: string): YamlFile {
  try {
    return readDocuments(file, text);
  } catch (error) {
    // Nesting so deep that the stack ends.
    if (!(error instanceof RangeError)) throw error;
    const problem = at(file, null, '', NESTED_DEEP, 'a fleet file');
    return { documents: [], problems: [problem] };
  }
}

function readDocuments(file: string, text: string): YamlFile {
  const lines = new LineCounter();
  // Keys are compared by `duplicateKeys`: the library's own look at them is quadratic.
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    merge: true,
  });
  const result: YamlFile = { documents: [], problems: [] };
  for (const document of 'empty' in parsed ? [] : parsed) {
    const broken = [...syntaxProblems(file, text, document, lines), ...duplicateKeys(file, document, lines)];
    if (broken.length > 0) {
      result.problems.push(...broken);
      continue;
    }
    const value = toPlain(document);
    if (value.kind === 'refused') {
      result.problems.push(
        at(file, null, '', value.why, 'anchors that exist and do not explode', 'write the values out'),
      );
    } else if (value.plain !== null) {
      result.documents.push({
        value: value.plain,
        locate: (findings) => locateAll(file, document, lines, findings),
      });
    }
  }
  return result;
}

/** The first tells what is wrong; those after it mostly follow from it. */
const SYNTAX_ERRORS_SHOWN_MAX = 3;

function syntaxProblems(file: string, text: string, document: Document, lines: LineCounter): FleetProblem[] {
  // The parser's own stack ends: it reports what it met then, once for each level.
  const deep = document.errors.find(({ message }) => /call stack|Stack overflow/.test(message));
  if (deep !== undefined) return [at(file, lines.linePos(deep.pos[0]), '', NESTED_DEEP, 'a fleet file')];
  return document.errors
    .slice(0, SYNTAX_ERRORS_SHOWN_MAX)
    .map(({ pos, message }) =>
      at(file, lines.linePos(pos[0]), '', snippet(text, pos[0]), `YAML or JSON: ${message}`),
    );
}

type Plain = { kind: 'plain'; plain: unknown } | { kind: 'refused'; why: string };

function toPlain(document: Document): Plain {
  try {
    return { kind: 'plain', plain: document.toJS({ maxAliasCount: ALIASES_MAX }) };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return { kind: 'refused', why: `aliases: ${error.message}` };
  }
}

function duplicateKeys(file: string, document: Document, lines: LineCounter): FleetProblem[] {
  const problems: FleetProblem[] = [];
  visit(document, {
    Map: (_, map) => {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (seen.has(name)) {
          const offset = key.range?.[0] ?? 0;
          const expected = 'each key once';
          problems.push(
            at(file, lines.linePos(offset), '', `${name} twice`, expected, 'remove one of the two'),
          );
        }
        seen.add(name);
      }
    },
  });
  return problems;
}

/** Only those that will be shown are looked up: each look-up walks the document. */
function locateAll(
  file: string,
  document: Document,
  lines: LineCounter,
  findings: readonly Finding[],
): FleetProblem[] {
  const shown = findings
    .slice(0, PROBLEMS_MAX)
    .map((finding) => locate(file, document, lines, finding))
    .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  const rest = findings
    .slice(PROBLEMS_MAX)
    .map(({ path, expected, fix }) => at(file, null, renderPath(path), '(not looked up)', expected, fix));
  return [...shown, ...rest];
}

function locate(file: string, document: Document, lines: LineCounter, finding: Finding): FleetProblem {
  const { node, pair, complete } = nodeAt(document, finding.path);
  const place = complete && finding.at === 'key' ? pair?.key : node;
  const offset = rangeOf(place)?.[0] ?? rangeOf(node)?.[0];
  const found =
    finding.at === 'key'
      ? String(finding.path.at(-1) ?? '')
      : complete
        ? renderNode(node, document)
        : 'nothing';
  const position = offset === undefined ? null : lines.linePos(offset);
  return at(file, position, renderPath(finding.path), found, finding.expected, fixFor(finding, node));
}

/** What to put in quotes is shown as it was written: 2026.10 is read as the number 2026.1. */
function fixFor(finding: Finding, node: unknown): string | null {
  if (finding.fix !== 'put it in quotes' || !isScalar(node)) return finding.fix;
  return `${finding.fix}: "${node.source ?? String(node.value)}"`;
}

type Spot = { node: unknown; pair: Pair | undefined; complete: boolean };

/** The node at a path, or the innermost one on the way to it. */
function nodeAt(document: Document, path: Path): Spot {
  const spot: Spot = { node: document.contents, pair: undefined, complete: true };
  for (const part of path) {
    const here = isAlias(spot.node) ? spot.node.resolve(document) : spot.node;
    if (isMap(here)) {
      const pair = here.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (pair === undefined) return { ...spot, complete: false };
      spot.pair = pair;
      spot.node = pair.value ?? pair.key;
    } else if (isSeq(here) && typeof part === 'number' && here.items[part] !== undefined) {
      spot.node = here.items[part];
    } else {
      return { ...spot, complete: false };
    }
  }
  return spot;
}

function rangeOf(node: unknown): readonly number[] | null | undefined {
  return isScalar(node) || isCollection(node) || isAlias(node) ? node.range : undefined;
}

function renderNode(node: unknown, document: Document): string {
  const target = isAlias(node) ? node.resolve(document) : node;
  if (isScalar(target)) {
    if (typeof target.value === 'string') return renderFound(target.value);
    return target.source ?? renderFound(target.value);
  }
  if (isSeq(target)) return `a list of ${target.items.length}`;
  if (isMap(target)) return target.items.length === 0 ? 'an empty object' : 'an object';
  return 'nothing';
}

const SNIPPET_CHARS_MAX = 80;

function snippet(text: string, offset: number): string {
  const line =
    text
      .slice(offset, offset + SNIPPET_CHARS_MAX)
      .split('\n')[0]
      ?.trim() ?? '';
  return line === '' ? 'the end of the line' : line;
}

function at(
  file: string,
  position: { line: number; col: number } | null,
  path: string,
  found: string,
  expected: string,
  fix: string | null = null,
): FleetProblem {
  return { file, line: position?.line ?? null, column: position?.col ?? null, path, found, expected, fix };
}
