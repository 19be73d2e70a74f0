import { CpuSet } from '../cpu-set.ts';
import { attr, child, children, type Element, elementKiB, text, wholeNumber } from '../xml.ts';

/** A `<memory>` device: memory that was plugged in besides the guest's cells. */
export interface MemoryDevice {
  readonly model: (typeof MODELS)[number] | 'unknown';
  readonly sizeKiB: number | undefined;
  /** virtio-mem: what the host asks the guest to plug, and what the guest has plugged; `sizeKiB` is the maximum. */
  readonly requestedKiB: number | undefined;
  readonly pluggedKiB: number | undefined;
  /** The guest cell that it belongs to. */
  readonly guestCell: number | undefined;
  /** Of the host's pages that it comes from, where the XML says so. */
  readonly pageKiB: number | undefined;
  /** Host cells, where the XML says so. */
  readonly cells: CpuSet | undefined;
}

/** As libvirt's schema has them (domaincommon.rng, memorydev); any other is `unknown`. */
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
 * Memory of the host that the device takes when the domain starts; 0 for one that a file or the processor's enclave
 * memory backs.
 */
export function startKiB({ model, sizeKiB, requestedKiB }: MemoryDevice): number {
  if (model === 'dimm') return sizeKiB ?? 0;
  return model === 'virtio-mem' ? (requestedKiB ?? 0) : 0;
}
