// Decodes what reaches workflows. Anybody may send a message whose payload is not what it says it is; the
// default converter throws on it before any handler is asked, which fails the workflow task, again and
// again, and holds the run for ever. Must never hide that an activity's result cannot be read.
import { defaultPayloadConverter } from '@temporalio/common';
import type { PayloadConverter } from '@temporalio/common';

/**
 * What cannot be read becomes a text that says so: no message and no input is a bare text, so that the
 * parsers refuse it with these words.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value, context, hint) => defaultPayloadConverter.toPayload(value, context, hint),
  fromPayload: <T>(...[payload, context, hint]: Parameters<PayloadConverter['fromPayload']>): T => {
    try {
      return defaultPayloadConverter.fromPayload<T>(payload, context, hint as never);
    } catch (error) {
      if (context?.type !== 'workflow') throw error;
      return `unreadable payload: ${error instanceof Error ? error.message : String(error)}` as T;
    }
  },
};
