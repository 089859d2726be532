// How people are told without asking. What a message may reach is set by the surroundings of a worker.
import type { Notice, NotificationTarget } from '../../domain/notification.ts';

export type NoticeMessage = {
  /** Equal for every try of the same message. */
  id: string;
  /** When it came to be so, RFC 3339. */
  at: string;
  notice: Notice;
};

export interface Notifier {
  /** Sends once. Throws PortError, whose text names variables and never what they hold. */
  send(target: NotificationTarget, message: NoticeMessage): Promise<void>;
}
