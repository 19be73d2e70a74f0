import { z } from 'zod';
import { Impact } from '../../../libvirt/constants.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import { TunerError } from '../../errors.ts';
import { handle, quoted } from '../domain-run.ts';
import { liveSetting } from '../live-setting.ts';
import type { StepHost } from '../step-host.ts';
import { verifyAffinity } from '../verification/affinity.ts';

const cpuList = z.string();

function cpusDiffer(is: string, wanted: string): string | undefined {
  return CpuSet.parse(is).equals(CpuSet.parse(wanted)) ? undefined : `it is on CPUs ${is}, not ${wanted}`;
}

const cpuMap = (cpus: string, mapLength: number): Uint8Array => CpuSet.parse(cpus).toBitmap(mapLength);

/** Longer maps are rejected, shorter ones are padded with zeros (libvirt, virDomainPinVcpuFlags). */
async function mapLengthOf(host: StepHost): Promise<number> {
  const { total } = await host.call('nodeGetCpuMap', { needMap: 0, needOnline: 0, flags: 0 });
  return Math.ceil(total / 8);
}

/** A vCPU that was never pinned may run on all CPUs; an undo pins it to all of them. */
export const vcpuPin = liveSetting('vcpuPin', cpuList, {
  home: 'run',
  atomic: true,
  async get(host, { domain, vcpu }) {
    const mapLength = await mapLengthOf(host);
    const { maps, count } = await host.call('domainGetVcpuPinInfo', {
      domain: handle(domain),
      ncpumaps: vcpu + 1,
      mapLength,
      flags: Impact.live,
    });
    if (vcpu >= count) {
      throw new TunerError('TUNE_STEP', `domain ${quoted(domain)} has no vCPU ${vcpu}; it has ${count}`);
    }
    return CpuSet.fromBitmap(maps.subarray(vcpu * mapLength, (vcpu + 1) * mapLength)).toString();
  },
  async set(host, { domain, vcpu }, to) {
    const map = cpuMap(to, await mapLengthOf(host));
    await host.call('domainPinVcpuFlags', { domain: handle(domain), vcpu, map, flags: Impact.live });
  },
  differs: cpusDiffer,
  verify: (host, { domain, vcpu }, wanted) =>
    verifyAffinity(host, domain, `vCPU ${vcpu}`, wanted, ({ comm }) => comm.startsWith(`CPU ${vcpu}/`)),
});

export const emulatorPin = liveSetting('emulatorPin', cpuList, {
  home: 'run',
  atomic: true,
  async get(host, { domain }) {
    const { map } = await host.call('domainGetEmulatorPinInfo', {
      domain: handle(domain),
      mapLength: await mapLengthOf(host),
      flags: Impact.live,
    });
    return CpuSet.fromBitmap(map).toString();
  },
  async set(host, { domain }, to) {
    const map = cpuMap(to, await mapLengthOf(host));
    await host.call('domainPinEmulator', { domain: handle(domain), map, flags: Impact.live });
  },
  differs: cpusDiffer,
  // Main thread only: other emulator threads come and go, and follow through the control group if there is one.
  verify: (host, { domain }, wanted) =>
    verifyAffinity(host, domain, 'the emulator', wanted, ({ main }) => main),
});

export const ioThreadPin = liveSetting('ioThreadPin', cpuList, {
  home: 'run',
  atomic: true,
  async get(host, { domain, id }) {
    const { ioThreads } = await host.call('domainGetIoThreadInfo', {
      domain: handle(domain),
      flags: Impact.live,
    });
    const found = ioThreads.find((each) => each.id === id);
    if (found !== undefined) return CpuSet.fromBitmap(found.map).toString();
    throw new TunerError('TUNE_STEP', `domain ${quoted(domain)} has no iothread ${id}`);
  },
  async set(host, { domain, id }, to) {
    const map = cpuMap(to, await mapLengthOf(host));
    await host.call('domainPinIoThread', { domain: handle(domain), ioThreadId: id, map, flags: Impact.live });
  },
  differs: cpusDiffer,
  verify: (host, { domain, id }, wanted) =>
    verifyAffinity(host, domain, `iothread ${id}`, wanted, ({ comm }) => comm === `IO iothread${id}`),
});
