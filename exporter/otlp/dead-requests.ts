import { join } from 'node:path';
import { LetterStore } from '../queue/letter-store.ts';

/** A request that the receiver rejected. */
export interface DeadRequest {
  /** When it was sampled, ms since 1970. */
  readonly sampledAtMs: number;
  readonly points: number;
  readonly status: number;
  readonly reason: string;
  /** As it was sent: compressed by gzip. */
  readonly body: Buffer;
}

/** Requests that the receiver rejected, on disk with the reason, a JSON object per line. */
export class DeadRequests {
  readonly path: string;
  readonly #store: LetterStore;

  /** @param onTrouble called with errors of the disk, and when requests are deleted because of the limit */
  constructor(queueDir: string, maxBytes: number, onTrouble: (error: Error) => void) {
    this.path = join(queueDir, 'dead-letters');
    this.#store = new LetterStore({
      path: this.path,
      kind: 'otlp',
      maxBytes,
      onTrouble,
      seeAlso: 'docs/opentelemetry.md, "Rejected requests"',
    });
  }

  /** Never rejects. @returns whether it is on the disk */
  keep({ sampledAtMs, points, status, reason, body }: DeadRequest, nowMs: number): Promise<boolean> {
    const at = new Date(nowMs).toISOString();
    const letter = {
      at,
      sampled_at: sampledAtMs,
      points,
      status,
      reason,
      request_gzip_base64: body.toString('base64'),
    };
    return this.#store.keep([letter]);
  }
}
