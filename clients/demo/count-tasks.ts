// What EC2 itself saw: how many root-volume tasks, for how many instances. Counted from the log of the
// simulated EC2, never from what Refit believes.

type Call = { action: string; parameters: Record<string, string>; clientToken: string | null };

/** The same client token sent again is the same task: EC2 says so, and that is what a crash leaves behind. */
export async function countRootVolumeTasks(endpoint: string): Promise<string> {
  const answer = await fetch(`${endpoint}/_sandbox/calls`);
  const calls = (await answer.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Call)
    .filter((call) => call.action === 'CreateReplaceRootVolumeTask');
  return describeTasks(calls);
}

function describeTasks(calls: readonly Call[]): string {
  const tokensOf = new Map<string, Set<string | null>>();
  for (const { parameters, clientToken } of calls) {
    const instance = parameters['InstanceId'] ?? '(none)';
    tokensOf.set(instance, (tokensOf.get(instance) ?? new Set()).add(clientToken));
  }
  const twice = [...tokensOf].filter(([, tokens]) => tokens.size > 1).map(([instance]) => instance);
  const seen = `EC2 saw ${String(calls.length)} requests for root volumes of ${String(tokensOf.size)} instances`;
  return twice.length === 0
    ? `${seen}: never two tasks for one.`
    : `${seen}; more than one task for ${twice.join(', ')}.`;
}
