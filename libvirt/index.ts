/**
 * `virtune/libvirt`: libvirt's RPC protocol in TypeScript, without dependencies other than Node.js. See
 * README.md.
 */
export type { Credentials } from './auth/mechanism.ts';
export type { CallArgs, CallName, CallResult } from './calls/all.ts';
export { calls } from './calls/all.ts';
export { type ConnectOptions, connect } from './client/connect.ts';
export type { Connection } from './client/connection.ts';
export type { EventListener } from './client/event-hub.ts';
export { GUEST_AGENT_CALLS } from './client/guest-agent.ts';
export type { KeepAliveOptions } from './client/keepalive.ts';
export { type Backoff, ManagedConnection, type ManagedOptions, type ManagedState } from './client/managed.ts';
export { READ_ONLY_CALLS } from './client/read-only.ts';
export type { CallOptions } from './client/rpc-channel.ts';
export * from './constants.ts';
export * from './errors.ts';
export { type EventName, type EventPayload, events } from './events.ts';
export { ParamType, type TypedParam } from './typed-params.ts';
export { type ConnectionUri, parseUri } from './uri.ts';
export type { Domain } from './wire/types.ts';
