// The one way in which a port says that the world refused. Activities map each kind to one
// ApplicationFailure type; adapters never throw a vendor's error.

export type PortErrorKind =
  | 'unreachable' // no answer, or a 5xx: try again
  | 'throttled' // the other side asks to slow down: try again later
  | 'forbidden' // 401 or 403: a person must grant something; the text names verb and resource
  | 'notFound'
  | 'conflict' // the precondition (UID, resourceVersion, owner mark) no longer holds
  | 'invalid' // the request can never succeed as it stands
  | 'unsafe'; // going on could hurt: a person must look

/** Why nothing can be read from records that nobody has named a place for. */
export const NO_RECORDS = 'REFIT_RECORDS is not set';

export class PortError extends Error {
  readonly kind: PortErrorKind;
  constructor(kind: PortErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'PortError';
    this.kind = kind;
  }
}
