import type { Connection } from '../libvirt/client/connection.ts';

/** The part of a connection that the tuner uses; it has to be writable. */
export type TunerConnection = Pick<Connection, 'call' | 'closed' | 'close'>;
