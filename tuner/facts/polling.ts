import { StatsGroup } from '../../libvirt/constants.ts';
import { CallAbandonedError, RemoteError } from '../../libvirt/errors.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import { findSetting } from '../settings/all.ts';
import { ioThreadIds } from '../settings/iothread-ids.ts';
import { POLL_IN_DEFINITION } from '../settings/iothreads.ts';
import type { DomainView, Reader } from './facts.ts';

const TIMEOUT_MS = 10_000;

/** libvirt's iothread statistics, and the settings with the same meaning. */
const SETTING_OF: Readonly<Record<string, string>> = {
  'poll-max-ns': 'iothread.poll.max',
  'poll-grow': 'iothread.poll.grow',
  'poll-shrink': 'iothread.poll.shrink',
};

/**
 * Adds iothread polling times to a running domain's tree in the form that libvirt 9.4 uses in the XML: older versions
 * report them only in statistics. The XML text stays as returned by libvirt. If QEMU does not answer, there are no
 * values.
 */
export async function addPolling(connection: Reader, domain: Domain, { root }: DomainView): Promise<void> {
  const ids = ioThreadIds(root);
  if (ids.length === 0) return;
  const wait = { timeoutMs: TIMEOUT_MS };
  try {
    const { version } = await connection.call('connectGetLibVersion', undefined, wait);
    if (Number(version) >= POLL_IN_DEFINITION) return;
    const { records } = await connection.call(
      'connectGetAllDomainStats',
      { domains: [domain], stats: StatsGroup.ioThread, flags: 0 },
      wait,
    );
    for (const { field, value } of records[0]?.params ?? []) {
      const [, id = '', name = ''] = /^iothread\.(\d+)\.(poll-[a-z-]+)$/.exec(field) ?? [];
      const setting = findSetting(SETTING_OF[name] ?? '');
      if (setting !== undefined && ids.includes(Number(id))) setting.write(root, id, String(value));
    }
  } catch (error) {
    if (!(error instanceof RemoteError) && !(error instanceof CallAbandonedError)) throw error;
  }
}
