// What people are told without asking: which events there are, where they are sent, and what a message
// says. Must never hold a secret: where a message goes, and by which right, are names of a worker's variables.

export const NOTIFICATION_EVENTS = [
  'updateAvailable',
  'drift',
  'approvalNeeded',
  'paused',
  'failed',
  'finished',
] as const;

export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number];

/** What every variable that a fleet file names must begin with: the file reaches no other of a worker's. */
export const NOTIFY_VARIABLE_PREFIX = 'REFIT_NOTIFY_';

export type NotificationTarget = {
  name: string;
  /** How a CloudEvent is laid into the request; a Slack-compatible webhook takes its own form. */
  form: 'binary' | 'structured' | 'slack';
  /** Name of the variable that holds the URL. */
  urlEnv: string;
  /** Headers whose values are held by these variables. */
  headers: readonly { name: string; env: string }[];
  events: readonly NotificationEvent[];
};

/** The `data` of a message; bounded, plain JSON. */
export type Notice = {
  event: NotificationEvent;
  fleet: string;
  /** Null: about several clusters. */
  cluster: string | null;
  workflowId: string;
  /** One sentence. */
  summary: string;
  /** Questions that wait for people, with the lines that answer them; `gatesLeft` are not shown. */
  gates: readonly { name: string; evidence: readonly string[]; answers: readonly string[] }[];
  gatesLeft: number;
  /** Nodes that it is about; `nodesLeft` are not shown. */
  nodes: readonly { cluster: string; node: string; why: string }[];
  nodesLeft: number;
};
