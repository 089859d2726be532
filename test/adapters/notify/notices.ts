// A message and a place, for tests to change in what they are about.
import { NOTIFICATION_EVENTS } from '../../../domain/notification.ts';
import type { Notice, NotificationTarget } from '../../../domain/notification.ts';

export function noticeOf(changes: Partial<Notice> = {}): Notice {
  return {
    event: 'approvalNeeded',
    fleet: 'training',
    cluster: 'prod-east',
    workflowId: 'upgrade.training.prod-east',
    summary: '1 gate waits for a yes: node/ip-10-0-0-1',
    gates: [
      {
        name: 'node/ip-10-0-0-1',
        evidence: ['ip-10-0-0-1 (h100, us-east-1a): 2026.09 → 2026.11', 'pods to move: 3'],
        answers: [
          'refit approve node/ip-10-0-0-1 -w upgrade.training.prod-east',
          `temporal workflow signal -w upgrade.training.prod-east --name approve -i '{"gate":"node/ip-10-0-0-1","by":"YOU"}'`,
        ],
      },
    ],
    gatesLeft: 0,
    nodes: [],
    nodesLeft: 0,
    ...changes,
  };
}

export function targetOf(changes: Partial<NotificationTarget> = {}): NotificationTarget {
  return {
    name: 'oncall',
    form: 'binary',
    urlEnv: 'REFIT_NOTIFY_URL',
    headers: [],
    events: NOTIFICATION_EVENTS,
    ...changes,
  };
}
