import { CpuSet } from '../../model/cpu-set.ts';
import { attr, children, wholeNumber } from '../../model/xml.ts';
import { custom } from './declare.ts';
import { append, ensurePath, remove, removePath } from './edit.ts';
import type { Setting } from './setting.ts';
import { cpuNumbers, whole } from './values.ts';

/**
 * The iothreads that share a device's queues: with `1-4`, QEMU distributes the queues; with explicit queues it is
 * `1=0-1 2=2-3`. For disks since libvirt 10.0, for virtio-scsi controllers since 11.2.
 */
export function queueMapping(id: string, title: string, on: 'disk' | 'controller'): Setting {
  return custom({
    id,
    title,
    on,
    path: ['driver', 'iothreads'],
    read: (element) => {
      const each = children(element, 'iothread').map((one) => ({
        id: whole(attr(one, 'id')) ?? '',
        queues: children(one, 'queue').flatMap((queue) => wholeNumber(attr(queue, 'id')) ?? []),
      }));
      if (each.length === 0) return undefined;
      if (each.every(({ queues }) => queues.length === 0)) {
        return CpuSet.of(each.map(({ id }) => Math.min(Number(id), 8_191))).toString();
      }
      return each
        .map(({ id, queues }) => (queues.length === 0 ? id : `${id}=${CpuSet.of(queues)}`))
        .join(' ');
    },
    write: (device, value) => {
      if (value === undefined) {
        removePath(device, ['driver', 'iothreads']);
        return;
      }
      const element = ensurePath(device, ['driver', 'iothreads']);
      for (const old of children(element, 'iothread')) remove(old);
      for (const { id, queues } of mapping(value)) {
        const one = append(element, 'iothread');
        one.setAttribute('id', id);
        for (const queue of queues) append(one, 'queue').setAttribute('id', String(queue));
      }
    },
  });
}

function mapping(value: string): { readonly id: string; readonly queues: CpuSet }[] {
  if (!value.includes('=') && !value.includes(' ')) {
    return [...cpuNumbers(value)].map((id) => ({ id: String(id), queues: CpuSet.empty }));
  }
  return value.split(' ').map((word) => {
    const [id = '', queues] = word.split('=');
    return { id, queues: cpuNumbers(queues) };
  });
}
