// A workflow that drains one node and nothing else: what a stall costs shows in its history alone.
import { proxyActivities } from '@temporalio/workflow';
import type { DrainResult, NodeActivities } from '../../activities/api.ts';

export async function drainAlone(input: Parameters<NodeActivities['drainNode']>[0]): Promise<DrainResult> {
  const { drainNode } = proxyActivities<NodeActivities>({
    startToCloseTimeout: '10m',
    heartbeatTimeout: '20s',
    retry: { initialInterval: '1s', maximumInterval: '15s' },
  });
  return drainNode(input);
}
