// Files → fleets and problems, each problem where it stands. One broken file spoils no other.
import { renderPath, type FleetProblem } from '../../domain/invalid-fleet.ts';
import type { Fleet } from '../../domain/fleet.ts';
import { checkFleetFile } from '../../domain/schemas/check-fleet-file.ts';
import { valueAt } from '../../domain/schemas/finding.ts';
import { resolveFleet } from '../../domain/schemas/resolve-fleet.ts';
import { nearest } from './nearest.ts';
import { readFleetFiles } from './read-files.ts';
import { readYaml, type YamlDocument } from './yaml-documents.ts';

/** One document of a file. `fleet` is null where it has problems. */
export type LoadedFleet = {
  file: string;
  /** As far as it can be read. */
  name: string | null;
  fleet: Fleet | null;
  problems: readonly FleetProblem[];
};

export async function loadFleets(paths: readonly string[]): Promise<LoadedFleet[]> {
  const loaded: LoadedFleet[] = [];
  for (const path of paths) {
    for (const read of await readFleetFiles(path)) {
      if (read.kind === 'problem') {
        loaded.push({ file: read.problem.file, name: null, fleet: null, problems: [read.problem] });
      } else {
        loaded.push(...loadText(read.file, read.text));
      }
    }
  }
  return refuseTwins(loaded);
}

export function loadText(file: string, text: string): LoadedFleet[] {
  const { documents, problems } = readYaml(file, text);
  const loaded = documents.map((document) => loadDocument(file, document));
  if (problems.length > 0) return [...loaded, { file, name: null, fleet: null, problems }];
  if (loaded.length > 0) return loaded;
  const empty: FleetProblem = {
    file,
    line: null,
    column: null,
    path: '',
    found: 'an empty file',
    expected: 'a fleet: apiVersion, kind, metadata, spec',
    fix: 'see docs/reference/fleet-file.md for a whole one',
  };
  return [{ file, name: null, fleet: null, problems: [empty] }];
}

function loadDocument(file: string, document: YamlDocument): LoadedFleet {
  const named = valueAt(document.value, ['metadata', 'name']);
  const name = typeof named === 'string' ? named : null;
  const checked = checkFleetFile(document.value, nearest);
  return checked.kind === 'ok'
    ? { file, name, fleet: resolveFleet(checked.file), problems: [] }
    : { file, name, fleet: null, problems: document.locate(checked.findings) };
}

/** A fleet declared twice is neither: nobody could tell which one a run would take. */
function refuseTwins(loaded: readonly LoadedFleet[]): LoadedFleet[] {
  return loaded.map((entry, index) => {
    const twin = loaded.find((other, at) => at !== index && other.name !== null && other.name === entry.name);
    if (twin === undefined) return entry;
    const problem: FleetProblem = {
      file: entry.file,
      line: null,
      column: null,
      path: renderPath(['metadata', 'name']),
      found: `${JSON.stringify(entry.name)}, as in ${twin.file}`,
      expected: 'a name that no other fleet has',
      fix: 'rename one of the two, or remove it',
    };
    return { ...entry, fleet: null, problems: [...entry.problems, problem] };
  });
}
