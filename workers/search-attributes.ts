// The search attributes that runs set: a workflow task that sets an unknown one fails for ever, so a
// worker makes what is missing before it takes work, or says how a person does.
import type { NativeConnection } from '@temporalio/worker';

export const SEARCH_ATTRIBUTES = {
  RefitFleet: 'Keyword',
  RefitCluster: 'Keyword',
  RefitPhase: 'Keyword',
  RefitWaitingOn: 'Keyword',
  RefitNodesDone: 'Int',
  RefitNodesTotal: 'Int',
} as const;

type Name = keyof typeof SEARCH_ATTRIBUTES;

// IndexedValueType of Temporal's API, by the names that its command line uses.
const VALUE_TYPES = { Keyword: 2, Int: 3 } as const;

/** Carries the command lines that a person with the right would run. */
export class SearchAttributesMissing extends Error {}

export async function ensureSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const known = await listKnown(connection, namespace);
  const names = Object.keys(SEARCH_ATTRIBUTES) as Name[];
  const wrong = names.filter(
    (name) => known.has(name) && known.get(name) !== VALUE_TYPES[SEARCH_ATTRIBUTES[name]],
  );
  if (wrong.length > 0) {
    throw new SearchAttributesMissing(
      `${wrong.join(', ')}: there are search attributes of these names with another type in namespace ` +
        `${namespace}; use another namespace, or remove and create them anew`,
    );
  }
  const missing = names.filter((name) => !known.has(name));
  if (missing.length === 0) return;
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(
        missing.map((name) => [name, VALUE_TYPES[SEARCH_ATTRIBUTES[name]]]),
      ),
    });
  } catch (error) {
    const lines = missing.map((name) => createLine(name, namespace)).join('\n');
    const why = error instanceof Error ? error.message : String(error);
    throw new SearchAttributesMissing(
      `search attributes are missing in namespace ${namespace} and this worker may not create them (${why}). ` +
        `Somebody who may runs:\n${lines}`,
      { cause: error },
    );
  }
}

async function listKnown(connection: NativeConnection, namespace: string): Promise<Map<string, number>> {
  try {
    const answer = await connection.operatorService.listSearchAttributes({ namespace });
    return new Map(Object.entries(answer.customAttributes));
  } catch {
    // Some servers forbid even the list; creating what is there already is then refused or harmless.
    return new Map();
  }
}

function createLine(name: Name, namespace: string): string {
  return `  temporal operator search-attribute create --namespace ${namespace} --name ${name} --type ${SEARCH_ATTRIBUTES[name]}`;
}
