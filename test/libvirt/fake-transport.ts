import type { Transport } from '../../libvirt/transport/transport.ts';
import { encodeFrame, type Frame, FrameSplitter, FrameType, Program } from '../../libvirt/wire/frame.ts';
import type { XdrWriter } from '../../libvirt/wire/xdr.ts';

/** The peer of a connection, controlled by the test. */
export class FakeTransport implements Transport {
  readonly description = 'fake transport';
  readonly isConfidential = true;
  readonly sent: Frame[] = [];
  destroyed = false;
  readonly #splitter = new FrameSplitter();
  #handlers: Parameters<Transport['start']>[0] | undefined;

  start(handlers: Parameters<Transport['start']>[0]): void {
    this.#handlers = handlers;
  }
  write(bytes: Buffer): void {
    this.#splitter.push(Buffer.from(bytes), (frame) => this.sent.push(frame));
  }
  end(): void {
    this.destroyed = true;
  }
  destroy(): void {
    this.destroyed = true;
  }

  receive(bytes: Buffer): void {
    this.#handlers?.data(bytes);
  }
  closeFromOutside(error?: Error): void {
    this.#handlers?.closed(error);
  }
  /** Calls of the remote program, in the order sent. */
  get calls(): Frame[] {
    return this.sent.filter((frame) => frame.header.program === Program.remote);
  }
  reply(to: Frame, write?: (writer: XdrWriter) => void): void {
    this.receive(encodeFrame({ ...to.header, type: FrameType.reply }, write));
  }
}
