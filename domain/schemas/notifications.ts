// `spec.notifications` of a fleet file: who is told what. URLs and header values are secrets and never stand
// in the file: it names the variables of a worker that hold them, and can name no others than those made for it.
import { z } from 'zod';
import { NOTIFICATION_EVENTS, NOTIFY_VARIABLE_PREFIX } from '../notification.ts';
import type { NotificationTarget } from '../notification.ts';
import { name, pattern } from './scalars.ts';

const HEADERS_MAX = 10;
export const NOTIFICATIONS_MAX = 10;

const VARIABLE_EXPECTED = `the name of a variable that begins with ${NOTIFY_VARIABLE_PREFIX}, like ${NOTIFY_VARIABLE_PREFIX}URL`;
const variable = pattern(VARIABLE_EXPECTED, new RegExp(`^${NOTIFY_VARIABLE_PREFIX}[A-Z0-9_]{1,60}$`));

/** Said by the message itself, or by HTTP. */
const OWN_HEADERS =
  /^(ce-.*|content-.*|host|user-agent|connection|transfer-encoding|te|upgrade|expect|keep-alive)$/i;
const HEADER_EXPECTED = 'the name of a header that no message sets itself, like Authorization';

const header = z.strictObject({
  name: pattern(HEADER_EXPECTED, /^[A-Za-z][-A-Za-z0-9]{0,62}$/)
    .refine((value) => !OWN_HEADERS.test(value), { error: HEADER_EXPECTED })
    .describe('Name of the header.'),
  env: variable.describe('The variable of the worker that holds its value.'),
});

const MODE_EXPECTED = 'binary or structured, and only with kind: cloudEvents';

export const notification = z
  .strictObject({
    name: name('the name of a notification').describe('Unique; told when a message does not get through.'),
    kind: z
      .enum(['cloudEvents', 'slack'], { error: 'one of cloudEvents, slack' })
      .describe('CloudEvents 1.0 over HTTP, or the text form of Slack-compatible webhooks.'),
    urlFrom: z
      .strictObject({ env: variable.describe('The variable of the worker that holds the URL.') })
      .describe('Where messages are sent.'),
    mode: z
      .enum(['binary', 'structured'], { error: MODE_EXPECTED })
      .optional()
      .describe('How a CloudEvent is laid into the request; binary when absent.'),
    headersFrom: z
      .array(header, { error: 'a list of headers' })
      .max(HEADERS_MAX)
      .default([])
      .describe('Headers to send, such as Authorization.'),
    events: z
      .array(z.enum(NOTIFICATION_EVENTS, { error: `one of ${NOTIFICATION_EVENTS.join(', ')}` }), {
        error: `a list of ${NOTIFICATION_EVENTS.join(', ')}`,
      })
      .min(1, { error: 'at least one event, or no events at all to mean all' })
      .optional()
      .describe('What is told; all when absent.'),
  })
  .refine(({ kind, mode }) => kind === 'cloudEvents' || mode === undefined, {
    error: MODE_EXPECTED,
    path: ['mode'],
  })
  .transform(({ name, kind, urlFrom, mode, headersFrom, events }): NotificationTarget => ({
    name,
    form: kind === 'slack' ? 'slack' : (mode ?? 'binary'),
    urlEnv: urlFrom.env,
    headers: headersFrom,
    events: events === undefined ? NOTIFICATION_EVENTS : [...new Set(events)],
  }))
  .describe('Who is told, without asking.');
