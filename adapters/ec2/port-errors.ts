// What EC2 says when it refuses → the kinds that activities know. A vendor's error never leaves this folder.
// Must never call something retryable that may have happened, nor final what may pass.
import { PortError } from '../ports/errors.ts';
import type { PortErrorKind } from '../ports/errors.ts';

const THROTTLED =
  /^(RequestLimitExceeded|Throttl|RequestThrottled|TooManyRequests|SlowDown|EC2Throttled|BandwidthLimitExceeded|Insufficient\w*Capacity)/;
/** Another instance cannot be had now; nothing is wrong with what was asked for. */
const NO_CAPACITY =
  /^(Insufficient\w*Capacity|ReservationCapacityExceeded|VcpuLimitExceeded|InstanceLimitExceeded)/;
const FORBIDDEN =
  /^(UnauthorizedOperation|AccessDenied|AuthFailure|OptInRequired|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|RequestExpired|ExpiredToken|CredentialsProviderError|TokenProviderError|PendingVerification|Blocked)/;
/** The same token with other parameters: two parts of us disagree about one attempt. */
const UNSAFE = /^Idempotent(ParameterMismatch|InstanceTerminated)/;
const CONFLICT =
  /^(Incorrect\w*State|IncorrectState|VolumeInUse|ResourceInUse|OperationInProgress|\w*InProgress$)/;

/** `action` is EC2's own word, so that whoever must grant it can copy it. */
export function toPortError(error: unknown, action: string, region: string): PortError {
  if (error instanceof PortError) return error;
  const { code, message, status } = partsOf(error);
  const kind = kindOf(code, status);
  const what = `ec2:${action} in ${region}: ${code}: ${message}`;
  const how =
    kind === 'forbidden'
      ? `; grant ec2:${action} to the worker's credentials, or correct them`
      : kind === 'unreachable'
        ? '; is the endpoint reachable from the worker?'
        : '';
  return new PortError(kind, `${what}${how}`, { cause: error });
}

function kindOf(code: string, status: number | null): PortErrorKind {
  if (THROTTLED.test(code) || status === 429) return 'throttled';
  if (FORBIDDEN.test(code)) return 'forbidden';
  if (UNSAFE.test(code)) return 'unsafe';
  if (/\.?NotFound$|\.Unavailable$/.test(code)) return 'notFound';
  if (CONFLICT.test(code)) return 'conflict';
  if (status === null || status >= 500) return 'unreachable';
  return status === 401 || status === 403 ? 'forbidden' : 'invalid';
}

/** Of an error of ours: whether it stands for a launch that found no room. */
export function isNoCapacity(error: unknown): boolean {
  return error instanceof PortError && NO_CAPACITY.test(partsOf(error.cause).code);
}

/** By shape, not by class: several copies of the SDK's base may be loaded. */
function partsOf(error: unknown): { code: string; message: string; status: number | null } {
  if (typeof error !== 'object' || error === null)
    return { code: 'Unknown', message: String(error), status: null };
  const fields = error as {
    name?: unknown;
    Code?: unknown;
    code?: unknown;
    message?: unknown;
    $metadata?: { httpStatusCode?: unknown };
  };
  const status = fields.$metadata?.httpStatusCode;
  const code = fields.Code ?? fields.name;
  const message = typeof fields.message === 'string' && fields.message !== '' ? fields.message : fields.code;
  return {
    code: typeof code === 'string' ? code : 'Unknown',
    message: String(message ?? 'no message'),
    status: typeof status === 'number' ? status : null,
  };
}
