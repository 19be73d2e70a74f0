import type { Connection } from '../libvirt/client/connection.ts';

/** What the tuner needs of a connection; it is a writable one. */
export type TunerConnection = Pick<Connection, 'call' | 'closed' | 'close'>;
