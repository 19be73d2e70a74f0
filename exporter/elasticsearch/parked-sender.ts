import { BulkSender, type BulkSenderParts } from './bulk-sender.ts';
import { FUTURE } from './parking.ts';

/** Shared by all senders to one server. */
export type CommonSenderParts = Pick<
  BulkSenderParts,
  'deadLetters' | 'meter' | 'newest' | 'batchBytes' | 'now' | 'random' | 'log' | 'wait'
>;

/** A sender for parked documents: of one stream, or those later than their index accepts. */
export function parkedSender(
  common: CommonSenderParts,
  queue: BulkSenderParts['queue'],
  stream: string,
  client: BulkSenderParts['client'],
): BulkSender {
  return new BulkSender({
    ...common,
    queue,
    // The server may have failed after storing them.
    inherited: Number.POSITIVE_INFINITY,
    client,
    onServer: () => undefined,
    judgesStreams: stream !== FUTURE,
    target: stream,
  });
}
