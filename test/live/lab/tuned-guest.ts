import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { XMLSerializer } from '@xmldom/xmldom';
import { connect } from '../../../libvirt/client/connect.ts';
import { parseXml } from '../../../model/xml.ts';
import { listNames, readProcFile } from '../../../sampler/proc-file.ts';
import type { RunOptions } from '../../../tuner/apply/host-session.ts';
import type { Transaction } from '../../../tuner/apply/transaction.ts';
import { newTransactionId } from '../../../tuner/journal/journal.ts';
import { findSetting } from '../../../tuner/settings/all.ts';
import type { Setting } from '../../../tuner/settings/setting.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { DefinedGuest } from './defined-guest.ts';
import { LAB_DIR } from './paths.ts';
import { run, succeeds } from './run.ts';
import { domstats, virsh } from './virsh.ts';

const URI = 'qemu:///system';

/** A guest with much to configure: paused, so that it costs nothing, and back in a second after a restart. */
export class TunedGuest extends DefinedGuest {
  /** The MAC address of its NIC; without a NIC it can move to a host without a network. */
  readonly nic: string | undefined;
  /** The same whenever it is created again. */
  readonly #uuid = randomUUID();

  constructor(name: string, nic?: string) {
    super(name);
    this.nic = nic;
  }

  /** Defines and starts it again; `more` XML of the domain, and disks besides the two virtio ones, by their names. */
  create(more = '', disks: readonly string[] = []): void {
    this.remove();
    for (const disk of ['vda', 'vdb', ...disks]) {
      const file = this.#disk(disk);
      run('qemu-img', ['create', '-q', '-f', 'raw', file, '8M']);
    }
    this.define(this.#xml(more, disks));
    virsh('start', this.name, '--paused');
  }

  remove(): void {
    if (!succeeds('virsh', ['dominfo', this.name])) return;
    succeeds('virsh', ['destroy', this.name]);
    succeeds('virsh', ['undefine', this.name]);
  }

  define(xml: string): void {
    const file = join(LAB_DIR, `${this.name}.xml`);
    writeFileSync(file, xml);
    virsh('define', file);
  }

  /** The command line of the running QEMU. */
  get commandLine(): string {
    return readFileSync(`/proc/${this.pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  }

  /** QEMU's answer to a monitor command. */
  monitor(execute: string, args?: object): unknown {
    const command = JSON.stringify(args === undefined ? { execute } : { execute, arguments: args });
    return JSON.parse(virsh('qemu-monitor-command', this.name, command)).return;
  }

  /** `Cpus_allowed_list` of each QEMU thread with a role, by thread name. */
  get affinity(): Record<string, string> {
    const task = `/proc/${this.pid}/task`;
    const threads = listNames(task).flatMap((tid): [string, string][] => {
      const comm = Number(tid) === this.pid ? 'main' : (readProcFile(`${task}/${tid}/comm`) ?? '').trim();
      const status = readProcFile(`${task}/${tid}/status`) ?? '';
      const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '';
      return /^(main|CPU |IO iothread)/.test(comm) ? [[comm, allowed]] : [];
    });
    return Object.fromEntries(threads.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** A file of its control group; `inner` such as `vcpu0`. */
  cgroup(controller: string, file: string, inner = ''): string | undefined {
    const line = readFileSync(`/proc/${this.pid}/cgroup`, 'utf8')
      .split('\n')
      .find((each) => each.split(':')[1] === controller);
    const path = (line?.split(':')[2] ?? '').replace(/\/emulator$/, '');
    return readProcFile(`/sys/fs/cgroup/${controller}${path}/${inner}/${file}`)?.trim();
  }

  /** All tunable settings of the running guest, as virsh, QEMU and the kernel report them. */
  picture(): Record<string, unknown> {
    const { name } = this;
    return {
      vcpus: virsh('vcpupin', name),
      emulator: virsh('emulatorpin', name),
      ioThreads: virsh('iothreadinfo', name),
      ioThreadStats: [...domstatsOf(name, /^iothread\.\d+\.poll/)],
      pools: this.ioThreadPools(),
      scheduler: virsh('schedinfo', name),
      memory: virsh('memtune', name),
      blkio: virsh('blkiotune', name),
      tune: ['vda', 'vdb'].map((disk) => virsh('blkdeviotune', name, disk)),
      balloon: this.monitor('query-balloon'),
      period: this.balloonPeriod(),
      affinity: this.affinity,
      shares: this.cgroup('cpu', 'cpu.shares'),
      quota: ['', 'vcpu0', 'vcpu1', 'emulator', 'iothread1'].map((inner) =>
        this.cgroup('cpu', 'cpu.cfs_quota_us', inner),
      ),
      limit: this.cgroup('memory', 'memory.limit_in_bytes'),
      weight: this.cgroup('blkio', 'blkio.bfq.weight'),
    };
  }

  ioThreadPools(): unknown {
    const ids = [...virsh('iothreadinfo', this.name).matchAll(/^\s*(\d+)\s/gm)].map(([, id]) => Number(id));
    return ids
      .sort()
      .map((id) =>
        ['thread-pool-min', 'thread-pool-max'].map((property) =>
          this.monitor('qom-get', { path: `/objects/iothread${id}`, property }),
        ),
      );
  }

  balloonPeriod(): unknown {
    return this.monitor('qom-get', {
      path: '/machine/peripheral/balloon0',
      property: 'guest-stats-polling-interval',
    });
  }

  #disk(dev: string): string {
    return join(LAB_DIR, `${this.name}-${dev}.img`);
  }

  #xml(more: string, disks: readonly string[]): string {
    const disk = (dev: string, driver: string, bus = 'virtio'): string =>
      `<disk type='file' device='disk'><driver name='qemu' type='raw' ${driver}/><source file='${this.#disk(dev)}'/><target dev='${dev}' bus='${bus}'/></disk>`;
    const nic =
      this.nic === undefined
        ? ''
        : `<interface type='network'><mac address='${this.nic}'/><source network='default'/><model type='virtio'/></interface>`;
    return `<domain type='qemu'>
  <name>${this.name}</name>
  <uuid>${this.#uuid}</uuid>
  <memory unit='MiB'>64</memory>
  <vcpu>2</vcpu>
  <iothreads>2</iothreads>
  ${more}
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    ${disk('vda', "cache='none' io='native' iothread='1'")}
    ${disk('vdb', "cache='writeback'")}
    ${disks.map((dev) => disk(dev, "cache='writeback'", 'scsi')).join('')}
    ${disks.length > 0 ? "<controller type='scsi' model='virtio-scsi'/>" : ''}
    ${nic}
    <graphics type='vnc' port='-1' autoport='yes' passwd='s3cret'/>
    <memballoon model='virtio'><stats period='2'/></memballoon>
  </devices>
</domain>
`;
  }
}

function domstatsOf(name: string, wanted: RegExp): [string, string][] {
  return [...domstats(name)].filter(([field]) => wanted.test(field));
}

function setting(id: string): Setting {
  const found = findSetting(id);
  if (found === undefined) throw new Error(`there is no setting ${id}`);
  return found;
}

/** One change: a setting, its target, and the new value. */
export type Change = readonly [id: string, target: string, value: string | undefined];

/** The parts of a guest from which steps and transactions are made. */
export type Tunable = Pick<TunedGuest, 'name' | 'domain' | 'live' | 'inactive'>;

/** The steps that apply these changes to a running guest. */
export function liveSteps(guest: Tunable, changes: readonly Change[]): Step[] {
  const live = parseXml('the live XML', guest.live, 'domain');
  const { domain } = guest;
  return changes.flatMap(([id, target, to]) => {
    const found = setting(id);
    const from = found.read(live, target);
    return found.live?.({ domain, target, from, to, live }) ?? [];
  });
}

/** The step that writes these changes to its definition. */
export function definitionStep(guest: TunedGuest, changes: readonly Change[]): Step {
  const root = parseXml('the definition', guest.inactive, 'domain');
  for (const [id, target, to] of changes) setting(id).write(root, target, to);
  return { kind: 'definition', domain: guest.domain, to: new XMLSerializer().serializeToString(root) };
}

export const restartStep = (guest: TunedGuest): Step => ({
  kind: 'restart',
  domain: guest.domain,
  to: 'restarted',
});

export function transactionOf(guest: Tunable, steps: readonly Step[]): Transaction {
  const running = virsh('domstate', guest.name).trim() !== 'shut off';
  return {
    id: newTransactionId(new Date()),
    uri: URI,
    hostname: virsh('hostname').trim(),
    command: 'live test',
    domains: [
      {
        domain: guest.domain,
        profile: 'test',
        live: running ? guest.live : undefined,
        inactive: guest.inactive,
      },
    ],
    steps,
    notes: [],
  };
}

/** Real options, but fast: a paused guest cannot shut down, so it is forced off. */
export function runOptionsOf(stateDir: string, more: Partial<RunOptions> = {}): RunOptions {
  return {
    stateDir,
    open: (uri) => connect(uri, { readOnly: false }),
    local: () => ({ procRoot: '/proc', sysRoot: '/sys', cgroupRoot: '/sys/fs/cgroup' }),
    version: 'live test',
    command: 'live test',
    restart: { shutdownMs: 60_000, settleMs: 200, forceOff: true },
    waitMs: 0,
    reconnectMs: 30_000,
    now: () => new Date(),
    ...more,
  };
}
