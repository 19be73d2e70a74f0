import { attributeSetting } from './declare.ts';
import { queueMapping } from './queue-mapping.ts';
import { whole } from './values.ts';

/** For virtio-scsi controllers (formatdomain, "Controllers"), shared by their disks. Take effect at the next boot. */
const driverSetting = (id: string, title: string, attribute: string) =>
  attributeSetting({ id, title, on: 'controller', path: ['driver'], attribute, canonical: whole });

export const scsiSettings = [
  driverSetting('scsi.queues', 'request queues of the virtio-scsi controller', 'queues'),
  driverSetting('scsi.iothread', 'iothread of the virtio-scsi controller', 'iothread'),
  queueMapping(
    'scsi.iothreads',
    'iothreads that share the queues of the virtio-scsi controller',
    'controller',
  ),
] as const;
