import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { z } from 'zod';
import { child, parseXml, text } from '../../model/xml.ts';
import type { LockHolder } from '../journal/lock.ts';

/** The secret's usage id: of all runs that tune a host, only one can have a secret with it. */
export const LEASE_USAGE = 'virtune-tuner-lock';

/** Identifies a process, so that another one on the same machine can see whether it still runs. */
const processSchema = z.object({
  /** Boot id and PID namespace in which the PID is valid. */
  where: z.string(),
  pid: z.int(),
  /** Field 22 of /proc/PID/stat, clock ticks from boot to its start: detects that the PID was reused. */
  startTicks: z.string(),
});

/**
 * How the holder of a host's lock describes itself. Fields are only ever added: a virtune that cannot read a record
 * still waits for it, and takes it over only when it is no longer renewed.
 */
const recordSchema = z.object({
  format: z.int(),
  /** Incremented with each renewal. */
  renewal: z.int(),
  user: z.string(),
  machine: z.string(),
  command: z.string(),
  /** ISO 8601, by the holder's clock: shown, never compared. */
  since: z.string(),
  version: z.string(),
  process: processSchema.optional(),
});
export type LeaseRecord = z.infer<typeof recordSchema>;

/** A record for this process, or for `pid`. `procRoot`: /proc of the local kernel; without it `process` is absent. */
export function ownRecord(
  of: { readonly command: string; readonly since: string; readonly version: string },
  procRoot = '/proc',
  pid = process.pid,
): LeaseRecord {
  return {
    format: 1,
    renewal: 0,
    user: userName(),
    machine: hostname(),
    ...of,
    process: processOf(pid, procRoot),
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

function processOf(pid: number, procRoot: string): LeaseRecord['process'] {
  try {
    return { where: pidSpace(procRoot), pid, startTicks: startTicks(pid, procRoot) };
  } catch {
    return undefined;
  }
}

function pidSpace(procRoot: string): string {
  const boot = readFileSync(`${procRoot}/sys/kernel/random/boot_id`, 'utf8').trim();
  return `${boot} ${readlinkSync(`${procRoot}/self/ns/pid`)}`;
}

/** Field 3 follows the command's name, which may hold spaces and parentheses. */
function startTicks(pid: number, procRoot: string): string {
  const stat = readFileSync(`${procRoot}/${pid}/stat`, 'utf8');
  const [, ...fields] = stat.slice(stat.lastIndexOf(')')).split(' ');
  return fields[19] ?? '';
}

/**
 * Whether the holder is known to be dead: it ran in this PID namespace and boot, and its process no longer exists.
 * Nothing is known of a holder elsewhere.
 */
export function isKnownDead({ process: holder }: LeaseRecord, procRoot = '/proc'): boolean {
  if (holder === undefined) return false;
  try {
    if (pidSpace(procRoot) !== holder.where) return false;
  } catch {
    return false;
  }
  try {
    return startTicks(holder.pid, procRoot) !== holder.startTicks;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ESRCH';
  }
}

/** The holder, as a waiting run shows it. */
export const holderOf = ({ process, command, since, machine }: LeaseRecord): LockHolder => ({
  pid: process?.pid ?? 0,
  command,
  since,
  machine,
});

/** `root on kvm1 (process 12, "virtune tune apply", since ...)`. */
export function holderText(record: LeaseRecord | undefined): string {
  if (record === undefined) return 'another run';
  const { user, machine, command, since, process } = record;
  const who = process === undefined ? '' : `process ${process.pid}, `;
  return `${user} on ${machine} (${who}${JSON.stringify(command)}, since ${since})`;
}

/** The secret that is the lock: without a value, never on disk; its description holds the record. */
export function leaseXml(uuid: string, record: LeaseRecord): string {
  const description = `virtune tune is working on this host: ${JSON.stringify(record)}`;
  return `<secret ephemeral='yes' private='yes'><uuid>${uuid}</uuid><description>${escaped(description)}</description><usage type='tls'><name>${LEASE_USAGE}</name></usage></secret>`;
}

/** The lock as found on the host; `record` is undefined if another version of virtune wrote something else. */
export function readLease(xml: string): {
  readonly description: string;
  readonly record: LeaseRecord | undefined;
} {
  const description = text(child(parseXml('the lock of the host', xml, 'secret'), 'description')) ?? '';
  const from = description.indexOf('{');
  try {
    return { description, record: recordSchema.parse(JSON.parse(description.slice(from))) };
  } catch {
    return { description, record: undefined };
  }
}

/** For a command line, which may hold anything: XML has no control characters. */
function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '?');
}
