import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { figure, find, type Series } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { BOOTED, bareName, bootAnother, removeGuest } from './lab/guests.ts';
import { LAB_DIR, PREFIX } from './lab/paths.ts';
import { run, until } from './lab/run.ts';
import { virsh } from './lab/virsh.ts';

/** A guest with Debian's qemu-guest-agent and a mounted file system: what its agent reports, and when it hangs. */
const domain = `${PREFIX}agent`;
const COLLECT = ['--collect.agent', '--collect.agentinfo'];

let virtune: VirtuneProcess;
beforeAll(async () => {
  const image = join(LAB_DIR, 'agent.img');
  run('qemu-img', ['create', '-q', '-f', 'raw', image, '16M']);
  run('mkfs.ext4', ['-q', '-F', image]);
  bootAnother(
    domain,
    `<disk type='file' device='disk'><driver name='qemu' type='raw'/>
       <source file='${image}'/><target dev='vda' bus='virtio'/></disk>
     <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>`,
  );
  await until('the agent to answer', 120_000, () => guestInfo().has('fs.0.used-bytes'));
  virtune = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0', ...COLLECT);
});
afterAll(async () => {
  expect(await virtune?.stop()).toMatchObject({ code: 0 });
  removeGuest(domain);
});

/** `virsh guestinfo` as a map from field to value. */
function guestInfo(): Map<string, string> {
  return new Map(
    virsh('guestinfo', domain)
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(':')).trim(), line.slice(line.indexOf(':') + 1).trim()]),
  );
}

const reasonOf = (series: readonly Series[], name: string): string | undefined =>
  find(series, 'virtune_domain_missing', { domain: name, group: 'agent' })[0]?.labels['reason'];

test('what the agent says is what virsh guestinfo says', async () => {
  const filesystem = { domain, filesystem: '0', target_device: 'vda' };
  const series = await until('the agent to be asked', 30_000, async () => {
    const found = await virtune.scrape();
    return find(found, 'libvirt_domain_guest_filesystem_used_bytes').length > 0 ? found : undefined;
  });
  const info = guestInfo();
  for (const [name, field] of [
    ['size', 'total'],
    ['used', 'used'],
  ] as const) {
    expect(figure(series, `libvirt_domain_guest_filesystem_${name}_bytes`, filesystem)).toBe(
      Number(info.get(`fs.0.${field}-bytes`)),
    );
  }
  expect(figure(series, 'libvirt_domain_guest_filesystems', { domain })).toBe(1);
  const updatedAt = figure(series, 'libvirt_domain_guest_update_timestamp_seconds', { domain }) ?? 0;
  expect(Math.abs(updatedAt - Date.now() / 1_000)).toBeLessThan(60);
  expect(find(series, 'libvirt_domain_guest_filesystem_info', filesystem)[0]?.labels).toMatchObject({
    mountpoint: '/data',
    fstype: 'ext4',
  });
  expect(find(series, 'libvirt_domain_guest_os_info', { domain })[0]?.labels).toEqual({
    domain,
    hostname: info.get('hostname'),
    os_id: info.get('os.id'),
    os_name: info.get('os.pretty-name'),
    os_version: info.get('os.version-id'),
    kernel: info.get('os.kernel-release'),
    machine: info.get('os.machine'),
  });
  expect(find(series, 'virtune_domain_missing', { domain, group: 'agent' })).toEqual([]);
  run('promtool', ['check', 'metrics'], { input: await virtune.text() });
});

test('guests without an agent say so', async () => {
  const series = await virtune.scrape();
  expect(reasonOf(series, BOOTED)).toBe('no_agent');
  expect(reasonOf(series, bareName(0))).toBe('no_agent');
});

test('over a connection that may only read, agents are not asked, and that is the reason', async () => {
  const reader = new VirtuneProcess(
    'exporter',
    '--listen',
    '127.0.0.1:0',
    '--connect',
    'qemu:///system?socket=/run/libvirt/libvirt-sock-ro',
    ...COLLECT,
  );
  await until('the reason', 30_000, async () => reasonOf(await reader.scrape(), domain) === 'not_permitted');
  const { stderr } = await reader.stop();
  expect(stderr).toContain("for its guests' agents");
});

test('an agent that hangs costs its guest nothing else, and is asked again when it is back', async () => {
  const hangSeconds = 25;
  const script = `killall -STOP qemu-ga; sleep ${hangSeconds}; killall -CONT qemu-ga`;
  virsh(
    'qemu-agent-command',
    domain,
    JSON.stringify({
      execute: 'guest-exec',
      arguments: { path: '/bin/busybox', arg: ['sh', '-c', script] },
    }),
  );
  // A new exporter asks the agent at once; one that already runs may not ask again for a minute.
  const asker = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0', ...COLLECT);
  try {
    await until('the agent to be found hanging', 20_000, async () => {
      const series = await asker.scrape();
      expect(find(series, 'virtune_domain_outcome', { domain })[0]?.labels['outcome']).toBe('fresh');
      return reasonOf(series, domain) === 'agent_unresponsive';
    });
    const series = await asker.scrape();
    const given = { procedure: 'domainGetGuestInfo', outcome: 'LIBVIRT_CALL_TIMEOUT' };
    expect(figure(series, 'virtune_libvirt_calls_total', given)).toBe(1);
    expect(figure(series, 'virtune_stuck_calls')).toBeGreaterThanOrEqual(1);
    await until('every domain to have figures beside it', 20_000, async () => {
      const beside = await asker.scrape();
      return (
        find(beside, 'virtune_domain_outcome', { outcome: 'fresh' }).length ===
        figure(beside, 'libvirt_domains')
      );
    });
    await until('the agent to be asked again', 120_000, async () => {
      const later = await asker.scrape();
      return (
        find(later, 'libvirt_domain_guest_filesystem_used_bytes', { domain }).length > 0 &&
        reasonOf(later, domain) === undefined
      );
    });
  } finally {
    await asker.stop();
  }
}, 200_000);
