// One EC2 client for each region: bounded retries, bounded waits, and Refit's name in front.
// Endpoint, credentials and profile come from where the AWS SDK always takes them.
import { EC2Client } from '@aws-sdk/client-ec2';

/** The whole of a call's tries stays under a minute, so that an activity heartbeats between calls. */
const CONNECTION_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** A fourth try helps nobody whom three did not; the activity comes back by itself. */
const ATTEMPTS_MAX = 3;

export function createClient(o: { region: string; version: string; attemptsMax?: number }): EC2Client {
  const client = new EC2Client({
    region: o.region,
    // Adaptive: after a throttling answer this client slows all its calls down, not this one alone.
    retryMode: 'adaptive',
    maxAttempts: o.attemptsMax ?? ATTEMPTS_MAX,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  });
  // The SDK's own customUserAgent goes to the end of the header; CloudTrail is read by its beginning.
  const named = <Args extends object, Answer>(next: (args: Args) => Promise<Answer>) => {
    return (args: Args): Promise<Answer> => {
      const { headers } = (args as { request: { headers: Record<string, string> } }).request;
      headers['user-agent'] = `refit/${o.version} ${headers['user-agent'] ?? ''}`.trim();
      return next(args);
    };
  };
  client.middlewareStack.addRelativeTo(named, {
    name: 'refitUserAgent',
    relation: 'after',
    toMiddleware: 'getUserAgentMiddleware',
    override: true,
  });
  return client;
}
