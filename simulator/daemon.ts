import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { CallName } from '../libvirt/calls/all.ts';
import { Faults } from './faults.ts';
import type { HandlerContext } from './handlers/context.ts';
import type { SimulatedHost } from './host.ts';
import { type AuthMode, Session } from './session.ts';
import type { SimulatedVm } from './vm.ts';

export type DaemonAddress = { readonly path: string } | { readonly host: string; readonly port: number };

export interface DaemonOptions {
  readonly auth?: AuthMode;
  readonly onCall?: (name: CallName, args: unknown) => void;
}

/** A libvirt daemon on a socket, for a simulated host. */
export class SimulatedDaemon {
  readonly host: SimulatedHost;
  readonly faults = new Faults();
  readonly #options: DaemonOptions;
  readonly #sessions = new Map<Socket, Session>();
  #address: DaemonAddress | undefined;
  #server: Server | undefined;

  constructor(host: SimulatedHost, options: DaemonOptions = {}) {
    this.host = host;
    this.#options = options;
  }

  get connections(): number {
    return this.#sessions.size;
  }

  /** The assigned TCP port, when port 0 was requested. */
  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async listen(address: DaemonAddress): Promise<void> {
    this.#address = address;
    if ('path' in address) rmSync(address.path, { force: true });
    // Simulate the host's past now, so that the first client does not wait for it.
    this.host.advance();
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, resolve);
    });
  }

  /** Like a killed daemon: the socket is removed and every connection is cut; guests keep running. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.cutConnections();
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  }

  /** Listens again at the same address. */
  async restart(): Promise<void> {
    await this.stop();
    this.host.secrets.forgetEphemeral();
    if (this.#address !== undefined) await this.listen(this.#address);
  }

  cutConnections(): void {
    for (const session of this.#sessions.values()) session.cut();
    this.#sessions.clear();
  }

  /** Sends raw bytes to every client, like a misbehaving daemon. */
  sendRaw(bytes: Buffer): void {
    for (const session of this.#sessions.values()) session.sendRaw(bytes);
  }

  /** @throws Error when there is no such VM. */
  vm(name: string): SimulatedVm {
    const vm = this.host.byName(name);
    if (vm === undefined) throw new Error(`the simulated host has no VM named ${JSON.stringify(name)}`);
    return vm;
  }

  readonly emit: HandlerContext['emit'] = (name, payload) => {
    for (const session of this.#sessions.values()) session.deliver(name, payload);
  };

  #accept(socket: Socket): void {
    const session = new Session(socket, {
      host: this.host,
      faults: this.faults,
      auth: this.#options.auth ?? { kind: 'none' },
      broadcast: this.emit,
      onCall: this.#options.onCall,
    });
    this.#sessions.set(socket, session);
    socket.once('close', () => this.#sessions.delete(socket));
  }
}
