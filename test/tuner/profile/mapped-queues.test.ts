import { expect, test } from 'vitest';
import { guestXml, host, profileOf, state } from './fixtures.ts';
import { problemsOf, valuesOf, wishesOf } from './wishes.ts';

const NEW = host({ libvirtVersion: 12_009_000, qemuVersion: 11_001_000 });

/** The mapping of a driver: for each iothread, the queues that it serves. */
const mapping = (...queuesOf: readonly (readonly number[])[]): string =>
  `<iothreads>${queuesOf
    .map(
      (queues, index) =>
        `<iothread id='${index + 1}'>${queues.map((id) => `<queue id='${id}'/>`).join('')}</iothread>`,
    )
    .join('')}</iothreads>`;

/** A VM with 8 vCPUs and two iothreads, whose disk or SCSI controller has this driver. */
const guest = (kind: 'disk' | 'scsi', queues: number, map: string) => {
  const more = '  <iothreads>2</iothreads>\n';
  if (kind === 'disk') {
    const xml = guestXml({ disks: 0, more, driver: ` queues='${queues}'` });
    return state(xml.replace(/(queues='\d+')\/>/, `$1>${map}</driver>`));
  }
  const controller = `<controller type='scsi' index='0' model='virtio-scsi'><driver queues='${queues}'>${map}</driver></controller>`;
  return state(guestXml({ bus: 'scsi', disks: 0, more }).replace('<memballoon', `${controller}<memballoon`));
};

const TWO = mapping([0], [1]);

test.each([
  ['disk', 'vda', 'vda'],
  ['scsi', '0', 'SCSI controller 0'],
] as const)(
  '%s: queues that are mapped to iothreads individually keep their number',
  (kind, target, device) => {
    for (const [queues, map, wanted] of [
      [2, TWO, '= vCPUs'],
      [2, TWO, 1],
      [2, TWO, 'default'],
      [4, mapping([0, 2], [1, 3]), 2],
    ] as const) {
      const wishes = wishesOf(profileOf({ [`${kind}.queues`]: wanted }), guest(kind, queues, map), NEW);
      expect(problemsOf(wishes)).toEqual({ [`${kind}.queues ${target}`]: 'QUEUES_MAPPED' });
      expect(wishes[0]?.problem?.text).toContain(
        `the queues of ${device} are mapped to iothreads individually`,
      );
      expect(wishes[0]?.problem?.text).not.toMatch(/undefined|NaN/);
    }
    const same = wishesOf(profileOf({ [`${kind}.queues`]: 2 }), guest(kind, 2, TWO), NEW);
    expect(problemsOf(same)).toEqual({});
  },
);

test.each([
  ['disk', 'vda'],
  ['scsi', '0'],
] as const)(
  '%s: with a mapping that distributes all queues, or without one, any number fits',
  (kind, target) => {
    const all = profileOf({ [`${kind}.queues`]: '= vCPUs', [`${kind}.iothread`]: 'mapped' });
    expect(valuesOf(wishesOf(all, guest(kind, 2, TWO), NEW))).toMatchObject({
      [`${kind}.queues ${target}`]: '8',
      [`${kind}.iothreads ${target}`]: '1-2',
    });
    const queues = profileOf({ [`${kind}.queues`]: '= vCPUs' });
    for (const map of [mapping([], []), '']) {
      expect(problemsOf(wishesOf(queues, guest(kind, 2, map), NEW))).toEqual({});
    }
    const one = profileOf({ [`${kind}.queues`]: 1, [`${kind}.iothread`]: 'spread' });
    expect(problemsOf(wishesOf(one, guest(kind, 2, TWO), NEW))).toEqual({});
  },
);
