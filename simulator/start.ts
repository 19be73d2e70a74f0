import { ErrorCode } from '../libvirt/constants.ts';
import { CpuSet } from '../model/cpu-set.ts';
import { attr, child, children, type Element, text } from '../model/xml.ts';
import { CallFailure, unavailableNode } from './call-failure.ts';
import type { SimulatedHost } from './host.ts';
import type { HeldPages } from './page-pools.ts';
import type { SimulatedVm } from './vm.ts';
import { vcpusOf } from './xml/rule.ts';
import { checkRules } from './xml/rules.ts';

const internal = (message: string): CallFailure =>
  new CallFailure(ErrorCode.internal, `internal error: ${message}`);
const qemuSays = (message: string): CallFailure =>
  internal(`qemu unexpectedly closed the monitor: qemu-system-x86_64: ${message}`);

/**
 * Reserves the host's resources for a start, and returns the hugepages taken. Rejects what libvirt accepts in a
 * definition but cannot start, in its order: cells, pages, then what the kernel and QEMU check.
 * @throws CallFailure with libvirt's code and message.
 */
export function takeForStart(host: SimulatedHost, vm: SimulatedVm): readonly HeldPages[] {
  const { definition } = vm;
  if (definition === undefined) return [];
  const { facts } = definition;
  const cells = [...facts.memNodes.values()].reduce(
    (all, each) => all.union(each),
    facts.numaCells ?? CpuSet.empty,
  );
  const missing = [...cells].find((cell) => host.cells[cell] === undefined);
  if (missing !== undefined) throw unavailableNode(missing);
  const odd = facts.pages.find(({ sizeKiB }) => sizeKiB !== 'default' && !host.hugepages.has(sizeKiB));
  if (odd !== undefined) throw internal(`Unable to find any usable hugetlbfs mount for ${odd.sizeKiB} KiB`);
  const domain = definition.read();
  // Checked again: API calls can write into a definition what defining it would have rejected.
  checkRules(domain, host.release);
  checkDevices(domain);
  checkCpuTime(domain);
  checkPins(host, facts, vm.name);
  const pages = host.hugepages.take(facts.pages, facts.numaCells);
  if (pages === undefined)
    throw qemuSays('unable to map backing store for guest RAM: Cannot allocate memory');
  return pages;
}

const isPowerOfTwo = (count: number): boolean => count > 0 && (count & (count - 1)) === 0;

/** Checks that only QEMU makes. */
function checkDevices(domain: Element): void {
  const devices = child(domain, 'devices');
  for (const disk of children(devices, 'disk')) {
    const size = attr(child(disk, 'driver'), 'queue_size');
    if (size !== undefined && !(isPowerOfTwo(Number(size)) && Number(size) <= 1_024))
      throw qemuSays(`invalid queue-size property (${size}), must be a power of 2 (max 1024)`);
  }
  for (const device of [...children(devices, 'disk'), ...children(devices, 'controller')])
    checkQueueMapping(child(device, 'driver'), vcpusOf(domain));
  for (const nic of children(devices, 'interface')) {
    const size = attr(child(nic, 'driver'), 'rx_queue_size');
    if (size !== undefined && !(isPowerOfTwo(Number(size)) && Number(size) >= 256 && Number(size) <= 1_024))
      throw qemuSays(`Invalid rx_queue_size (= ${size}), must be a power of 2 between 256 and 1024.`);
  }
}

/** With queues mapped to iothreads explicitly, each must appear exactly once (qemu, iothread_vq_mapping_validate). */
function checkQueueMapping(driver: Element | undefined, vcpus: number): void {
  const queues = Number(attr(driver, 'queues') ?? vcpus);
  const mapped = new Set<number>();
  for (const thread of children(child(driver, 'iothreads'), 'iothread')) {
    const name = `iothread${attr(thread, 'id')}`;
    for (const queue of children(thread, 'queue').map((each) => Number(attr(each, 'id')))) {
      if (queue >= queues) {
        throw qemuSays(
          `vq index ${queue} for IOThread "${name}" must be less than num_queues ${queues} in iothread-vq-mapping`,
        );
      }
      if (mapped.has(queue))
        throw qemuSays(`cannot assign vq ${queue} to IOThread "${name}" because it is already assigned`);
      mapped.add(queue);
    }
  }
  const missing = Array.from({ length: queues }, (_, queue) => queue).find((queue) => !mapped.has(queue));
  if (mapped.size > 0 && missing !== undefined)
    throw qemuSays(`missing vq ${missing} IOThread assignment in iothread-vq-mapping`);
}

/** Values that cgroups reject. */
function checkCpuTime(domain: Element): void {
  const shares = text(child(domain, 'cputune', 'shares'));
  if (shares === undefined || (Number(shares) >= 2 && Number(shares) <= 262_144)) return;
  throw new CallFailure(
    ErrorCode.invalidArg,
    `invalid argument: shares '${shares}' must be in range [2, 262144]`,
    54,
  );
}

function checkPins(host: SimulatedHost, facts: SimulatedVm['facts'], name: string): void {
  const pins = [
    ...[...facts.vcpuPins].map(([vcpu, cpus]) => [`vcpu${vcpu}`, cpus] as const),
    ...[...facts.ioThreadPins].map(([id, cpus]) => [`iothread${id}`, cpus] as const),
    ['emulator', facts.emulatorPin ?? facts.cpuSet] as const,
  ];
  for (const [what, cpus] of pins) {
    if (cpus === undefined || cpus.isSubsetOf(host.onlineCpus)) continue;
    throw new CallFailure(
      ErrorCode.systemError,
      `Unable to write to '/sys/fs/cgroup/cpuset/machine/qemu-${name}.libvirt-qemu/${what}/cpuset.cpus': Numerical result out of range`,
      54,
    );
  }
}
