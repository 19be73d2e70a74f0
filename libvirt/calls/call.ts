import type { Codec, Value } from '../wire/codec.ts';

/**
 * One procedure of the protocol, declared once: the client encodes `args` and decodes `ret`, a server the
 * reverse. Numbers and shapes: libvirt's src/remote/remote_protocol.x and qemu_protocol.x, 9.0.0 to 11.3.0; tested up
 * to 12.9 (docs/compatibility.md).
 */
export interface CallDeclaration {
  readonly proc: number;
  readonly args: Codec<never> | Codec<unknown>;
  readonly ret: Codec<unknown>;
  /** Served by workers that stuck guests cannot starve (`@priority: high` in remote_protocol.x). */
  readonly priority?: 'high';
  /** The libvirt version that introduced it, as libvirt's number; absent: older than 9.0. */
  readonly since?: number;
  /** QEMU-only procedures live in a separate program. */
  readonly program?: 'qemu';
}

export type ArgsOf<C extends CallDeclaration> = Value<C['args']>;
export type RetOf<C extends CallDeclaration> = Value<C['ret']>;
