import { CpuSet } from '../cpu-set.ts';
import { attr, child, children, type Element, elementKiB, text, wholeNumber } from '../xml.ts';

/** A `<memory>` device: memory plugged in beyond the guest's cells. */
export interface MemoryDevice {
  readonly model: (typeof MODELS)[number] | 'unknown';
  readonly sizeKiB: number | undefined;
  /** virtio-mem: what the host asks the guest to plug, and what the guest has plugged; `sizeKiB` is the maximum. */
  readonly requestedKiB: number | undefined;
  readonly pluggedKiB: number | undefined;
  /** The guest cell that it belongs to. */
  readonly guestCell: number | undefined;
  /** Size of the host pages that back it, where the XML sets it. */
  readonly pageKiB: number | undefined;
  /** Host cells, where the XML sets them. */
  readonly cells: CpuSet | undefined;
}

/** From libvirt's schema (domaincommon.rng, memorydev); any other is `unknown`. */
const MODELS = ['dimm', 'nvdimm', 'virtio-mem', 'virtio-pmem', 'sgx-epc'] as const;

export function parseMemoryDevices(devices: Element | undefined): MemoryDevice[] {
  return children(devices, 'memory').map((device) => {
    const source = child(device, 'source');
    const target = child(device, 'target');
    const nodemask = text(child(source, 'nodemask'));
    return {
      model: MODELS.find((model) => model === attr(device, 'model')) ?? 'unknown',
      sizeKiB: elementKiB(child(target, 'size')),
      requestedKiB: elementKiB(child(target, 'requested')),
      pluggedKiB: elementKiB(child(target, 'current')),
      guestCell: wholeNumber(text(child(target, 'node'))),
      pageKiB: elementKiB(child(source, 'pagesize')),
      cells: nodemask === undefined ? undefined : CpuSet.parse(nodemask),
    };
  });
}

/**
 * Host memory that the device takes when the domain starts; 0 for a device backed by a file or by enclave memory of the
 * processor.
 */
export function startKiB({ model, sizeKiB, requestedKiB }: MemoryDevice): number {
  if (model === 'dimm') return sizeKiB ?? 0;
  return model === 'virtio-mem' ? (requestedKiB ?? 0) : 0;
}
