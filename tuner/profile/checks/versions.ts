import { LIBVIRT_FEATURES, type Since } from '../../../model/libvirt-features.ts';
import { versionNumber, versionText } from '../../../model/versions.ts';
import { type Check, check } from './check.ts';

interface NewSetting extends Since {
  readonly of: RegExp;
  /** Only this value of it is that new. */
  readonly value?: RegExp;
}

/** Settings newer than libvirt 3.0 and QEMU 2.8, from formatdomain. */
const SINCE: readonly NewSetting[] = [
  { of: /^disk\.iothreads$/, ...LIBVIRT_FEATURES.diskQueueMapping },
  { of: /^scsi\.iothreads$/, ...LIBVIRT_FEATURES.scsiQueueMapping },
  { of: /^disk\.statisticsIntervals$/, ...LIBVIRT_FEATURES.blockWindows },
  { of: /^disk\.latencyBins$/, ...LIBVIRT_FEATURES.blockLatency },
  { of: /^disk\.io$/, value: /^io_uring$/, libvirt: '6.3', qemu: '5.0' },
  { of: /^disk\.queues$/, libvirt: '3.9' },
  { of: /^disk\.queueSize$/, libvirt: '7.8' },
  { of: /^iothread\.pool$/, libvirt: '8.5', qemu: '7.1' },
  { of: /^emulatorsched$/, libvirt: '5.3' },
  { of: /^nic\.txQueueSize$/, libvirt: '3.7', qemu: '2.9' },
  { of: /^balloon\.freePageReporting$/, libvirt: '6.9', qemu: '5.1' },
  { of: /^cpu\.mode$/, value: /^maximum$/, libvirt: '7.1' },
  { of: /^cpu\.topology$/, value: /clusters=/, ...LIBVIRT_FEATURES.cpuClusters },
  { of: /^cachetune$/, libvirt: '4.1' },
  { of: /^memorytune$/, libvirt: '4.7' },
  { of: /^kvm\.hint-dedicated$/, libvirt: '5.7', qemu: '2.12' },
  { of: /^kvm\.poll-control$/, libvirt: '6.10', qemu: '4.2' },
  { of: /^hyperv\.stimer\.direct$/, libvirt: '5.7', qemu: '4.1' },
  { of: /^hyperv\.(frequencies|reenlightenment|tlbflush)$/, libvirt: '4.7', qemu: '3.0' },
  { of: /^hyperv\.(ipi|evmcs)$/, libvirt: '4.10', qemu: '3.1' },
  { of: /^hyperv\.avic$/, libvirt: '8.10', qemu: '6.2' },
];

export const versionChecks: readonly Check[] = SINCE.map(({ of, value: only, libvirt, qemu }) =>
  check(of, (value, { setting }, { host }) => {
    if (only !== undefined && !only.test(value)) return undefined;
    const says = only === undefined ? setting.id : `${setting.id} ${value}`;
    if (host.libvirtVersion < versionNumber(libvirt)) {
      return {
        code: 'LIBVIRT_TOO_OLD',
        text: `${says} needs libvirt ${libvirt}, but this host runs ${versionText(host.libvirtVersion)}`,
      };
    }
    if (qemu !== undefined && host.qemuVersion < versionNumber(qemu)) {
      return {
        code: 'QEMU_TOO_OLD',
        text: `${says} needs QEMU ${qemu}, but this host has ${versionText(host.qemuVersion)}`,
      };
    }
    return undefined;
  }),
);
