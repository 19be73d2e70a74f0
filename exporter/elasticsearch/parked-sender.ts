import { BulkSender, type BulkSenderParts } from './bulk-sender.ts';
import { FUTURE } from './parking.ts';

/** What senders of one server have in common. */
export type CommonSenderParts = Pick<
  BulkSenderParts,
  'deadLetters' | 'meter' | 'newest' | 'batchBytes' | 'now' | 'random' | 'log' | 'wait'
>;

/** A sender of documents that wait apart: of one stream, or of those later than their index accepts. */
export function parkedSender(
  common: CommonSenderParts,
  queue: BulkSenderParts['queue'],
  stream: string,
  client: BulkSenderParts['client'],
): BulkSender {
  return new BulkSender({
    ...common,
    queue,
    // The server may have failed on them after it had stored them.
    inherited: Number.POSITIVE_INFINITY,
    client,
    onServer: () => undefined,
    judgesStreams: stream !== FUTURE,
    target: stream,
  });
}
