import { CpuSet } from '../../model/cpu-set.ts';
import { attr, child, children, type Element, text, wholeNumber } from '../../model/xml.ts';
import { ioThreadIds } from './iothread-ids.ts';
import type { SettingScope } from './setting.ts';

/** libvirt's own limit of vCPUs for any domain; a larger number is bogus. */
const VCPUS_MAX = 16_384;

/** Targets of this scope in a domain's XML, by the names that settings use. */
export function targetsOf(domain: Element, scope: SettingScope): string[] {
  switch (scope) {
    case 'domain':
      return [''];
    case 'vcpu': {
      const count = Math.min(wholeNumber(text(child(domain, 'vcpu'))) ?? 1, VCPUS_MAX);
      return Array.from({ length: count }, (_, vcpu) => String(vcpu));
    }
    case 'iothread':
      return ioThreadIds(domain).map(String);
    case 'cell':
      return guestCells(domain).map(({ id }) => String(id));
    case 'disk':
      return disks(domain).flatMap((disk) => attr(child(disk, 'target'), 'dev') ?? []);
    case 'controller':
      return scsiControllers(domain).map(({ index }) => index);
    case 'nic':
      return nics(domain).flatMap((nic) => attr(child(nic, 'mac'), 'address') ?? []);
  }
}

/** The element that holds the settings of a disk, a controller or a NIC; the domain's own for all others. */
export function targetElement(domain: Element, scope: SettingScope, target: string): Element | undefined {
  switch (scope) {
    case 'disk':
      return disks(domain).find((disk) => attr(child(disk, 'target'), 'dev') === target);
    case 'nic':
      return nics(domain).find(
        (nic) => attr(child(nic, 'mac'), 'address')?.toLowerCase() === target.toLowerCase(),
      );
    case 'controller':
      return scsiControllers(domain).find(({ index }) => index === target)?.element;
    default:
      return domain;
  }
}

const disks = (domain: Element): Element[] => children(child(domain, 'devices'), 'disk');
const nics = (domain: Element): Element[] => children(child(domain, 'devices'), 'interface');

const VIRTIO_SCSI = /^virtio-(scsi|transitional|non-transitional)$/;

/** virtio-scsi controllers by index. One without a model does not count: on x86 it becomes LSI Logic. */
export function scsiControllers(domain: Element): { readonly index: string; readonly element: Element }[] {
  return children(child(domain, 'devices'), 'controller').flatMap((element) => {
    const index = wholeNumber(attr(element, 'index')) ?? 0;
    const isOne = attr(element, 'type') === 'scsi' && VIRTIO_SCSI.test(attr(element, 'model') ?? '');
    return isOne ? [{ index: String(index), element }] : [];
  });
}

/** The guest's own NUMA cells. */
export function guestCells(domain: Element): { readonly id: number; readonly element: Element }[] {
  return children(child(domain, 'cpu', 'numa'), 'cell').map((element, index) => ({
    id: wholeNumber(attr(element, 'id')) ?? index,
    element,
  }));
}

/** All ids of the guest's cells. */
export function guestCellIds(domain: Element): CpuSet {
  return CpuSet.of(guestCells(domain).map(({ id }) => Math.min(id, 8_191)));
}
