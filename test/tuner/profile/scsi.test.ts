import { expect, test } from 'vitest';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';
import { capabilities, guestXml, host, profileOf, state } from './fixtures.ts';
import { problemsOf, valuesOf, wishesOf, written } from './wishes.ts';

const NEW = host({ libvirtVersion: 12_009_000, qemuVersion: 11_001_000 });
const CONTROLLERS = `    <controller type='scsi' index='0' model='virtio-scsi'/>
    <controller type='scsi' index='1' model='lsilogic'/>
    <controller type='scsi' index='2' model='virtio-scsi'/>
    <controller type='usb' index='0' model='qemu-xhci'/>
`;
const guest = (more = CONTROLLERS) =>
  state(guestXml({ bus: 'scsi', disks: 1 }).replace('    <memballoon', `${more}    <memballoon`), {
    capabilities: capabilities(),
  });
const VALUES = { 'iothread.count': 2, 'scsi.queues': '= vCPUs', 'scsi.iothread': 'auto' };

test('queues and iothreads of virtio-scsi belong to its controllers, and to no others', () => {
  expect(valuesOf(wishesOf(profileOf(VALUES), guest()))).toMatchObject({
    'scsi.queues 0': '8',
    'scsi.iothread 0': '1',
    'scsi.queues 2': '8',
    'scsi.iothread 2': '2',
  });
  expect(valuesOf(wishesOf(profileOf(VALUES), guest('')))).not.toHaveProperty('scsi.queues 0');
});

test('where libvirt and QEMU can, the queues of each are shared out over all iothreads', () => {
  const wishes = wishesOf(profileOf(VALUES), guest(), NEW);
  expect(valuesOf(wishes)).toMatchObject({ 'scsi.iothreads 0': '1-2', 'scsi.iothreads 2': '1-2' });
  expect(written(guest(), wishes)).toContain(`<controller type="scsi" index="0" model="virtio-scsi">`);
  const old = wishesOf(profileOf({ ...VALUES, 'scsi.iothread': 'mapped' }), guest());
  expect(problemsOf(old)).toMatchObject({ 'scsi.iothreads 0': 'LIBVIRT_TOO_OLD' });
});

test('a mapping takes the place of the one iothread, and the other way round', () => {
  const one = guest(
    CONTROLLERS.replace("model='virtio-scsi'/>", "model='virtio-scsi'><driver iothread='1'/></controller>"),
  );
  expect(valuesOf(wishesOf(profileOf(VALUES), one, NEW))).toMatchObject({
    'scsi.iothread 0': undefined,
    'scsi.iothreads 0': '1-2',
  });
  const mapped = state(written(guest(), wishesOf(profileOf(VALUES), guest(), NEW)), {
    capabilities: capabilities(),
  });
  const back = wishesOf(profileOf({ ...VALUES, 'scsi.iothread': 'spread' }), mapped, NEW);
  expect(valuesOf(back)).toMatchObject({ 'scsi.iothread 0': '1', 'scsi.iothreads 0': undefined });
});

test('more queues than vCPUs, an iothread that is not there and one that is still used are refused', () => {
  expect(problemsOf(wishesOf(profileOf({ 'scsi.queues': 9 }), guest()))).toMatchObject({
    'scsi.queues 0': 'QUEUES_EXCEED_VCPUS',
  });
  const used = guest(
    CONTROLLERS.replace("model='virtio-scsi'/>", "model='virtio-scsi'><driver iothread='2'/></controller>"),
  );
  const two = state((used.inactive?.xml ?? '').replace('  <os>', '  <iothreads>2</iothreads>\n  <os>'), {
    capabilities: capabilities(),
  });
  expect(problemsOf(wishesOf(profileOf({ 'iothread.count': 1 }), two))).toEqual({
    iothreads: 'IOTHREAD_IN_USE',
  });
  // If the profile also assigns the controller, the iothread can be removed.
  expect(problemsOf(wishesOf(profileOf({ 'iothread.count': 1, 'scsi.iothread': 'spread' }), two))).toEqual(
    {},
  );
});

test('the profile for databases gives a guest on virtio-scsi the queues that libvirt recommends', async () => {
  const wishes = wishesOf((await ProfileLibrary.open([])).get('oltp-database'), guest());
  expect(valuesOf(wishes)).toMatchObject({ 'scsi.queues 0': '8', 'scsi.iothread 0': '1' });
});
