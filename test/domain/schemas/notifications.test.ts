// `spec.notifications`: what a fleet file may say of whom to tell, and that it can name no secret.
import { describe, expect, it } from '@jest/globals';
import { nearest } from '../../../adapters/fleet-files/nearest.ts';
import { renderPath } from '../../../domain/invalid-fleet.ts';
import { NOTIFICATION_EVENTS } from '../../../domain/notification.ts';
import { checkFleetFile } from '../../../domain/schemas/check-fleet-file.ts';
import { resolveFleet } from '../../../domain/schemas/resolve-fleet.ts';
import { fleetDocument } from './fleet-fixture.ts';

const slack = { name: 'team', kind: 'slack', urlFrom: { env: 'REFIT_NOTIFY_SLACK' } };

function check(...notifications: unknown[]) {
  const document = fleetDocument();
  return checkFleetFile({ ...document, spec: { ...document.spec, notifications } }, nearest);
}

function pathsOf(...notifications: unknown[]): string[] {
  const checked = check(...notifications);
  return checked.kind === 'ok' ? [] : checked.findings.map(({ path }) => renderPath(path));
}

describe('notifications of a fleet file', () => {
  it('tell of everything, as binary CloudEvents, unless they say otherwise', () => {
    const events = { ...slack, name: 'bus', kind: 'cloudEvents' };
    const headersFrom = [{ name: 'Authorization', env: 'REFIT_NOTIFY_TOKEN' }];
    const some = { ...events, name: 'some', mode: 'structured', events: ['failed', 'failed'], headersFrom };
    const checked = check(slack, events, some);
    if (checked.kind !== 'ok') throw new Error(JSON.stringify(checked.findings));
    expect(resolveFleet(checked.file).notifications).toEqual([
      { name: 'team', form: 'slack', urlEnv: 'REFIT_NOTIFY_SLACK', headers: [], events: NOTIFICATION_EVENTS },
      { name: 'bus', form: 'binary', urlEnv: 'REFIT_NOTIFY_SLACK', headers: [], events: NOTIFICATION_EVENTS },
      {
        name: 'some',
        form: 'structured',
        urlEnv: 'REFIT_NOTIFY_SLACK',
        headers: headersFrom,
        events: ['failed'],
      },
    ]);
  });

  it('are nothing at all where a file says nothing', () => {
    const checked = checkFleetFile(fleetDocument(), nearest);
    if (checked.kind !== 'ok') throw new Error(JSON.stringify(checked.findings));
    expect('notifications' in resolveFleet(checked.file)).toBe(false);
  });

  it.each([
    ['a URL in the file', { ...slack, url: 'https://hooks.example/secret' }, 'spec.notifications[0].url'],
    [
      "a variable that is not a notification's",
      { ...slack, urlFrom: { env: 'AWS_SECRET_ACCESS_KEY' } },
      'spec.notifications[0].urlFrom.env',
    ],
    [
      'such a variable for a header',
      { ...slack, headersFrom: [{ name: 'X', env: 'HOME' }] },
      'spec.notifications[0].headersFrom[0].env',
    ],
    [
      'a header of the message itself',
      { ...slack, headersFrom: [{ name: 'ce-id', env: 'REFIT_NOTIFY_X' }] },
      'spec.notifications[0].headersFrom[0].name',
    ],
    ['a mode of Slack', { ...slack, mode: 'binary' }, 'spec.notifications[0].mode'],
    ['an event that there is not', { ...slack, events: ['fineshed'] }, 'spec.notifications[0].events[0]'],
    ['another kind', { ...slack, kind: 'mail' }, 'spec.notifications[0].kind'],
  ])('refuse %s [I216]', (_, notification, path) => {
    expect(pathsOf(notification)).toEqual([path]);
  });

  it('have names of their own', () => {
    expect(pathsOf(slack, slack)).toEqual(['spec.notifications[1].name']);
  });
});
