import { expect, test } from 'vitest';
import { iotuneSettings } from '../../../tuner/settings/iotune.ts';
import { guestXml, profileOf, state } from './fixtures.ts';
import { problemsOf, wishesOf } from './wishes.ts';

const VHOST_USER = state(
  guestXml({ disks: 0 }).replace("type='file' device='disk'", "type='vhostuser' device='disk'"),
);

test.each(iotuneSettings.map(({ id }) => id))('%s is not for a disk that another process serves', (id) => {
  const value = id === 'disk.iotune.group' ? 'tenant' : 700;
  expect(problemsOf(wishesOf(profileOf({ [id]: value }), VHOST_USER))).toEqual({
    [`${id} vda`]: 'DISK_ELSEWHERE',
  });
  expect(problemsOf(wishesOf(profileOf({ [id]: 'default' }), VHOST_USER))).toEqual({});
});
