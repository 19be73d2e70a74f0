import { expect, test } from 'vitest';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';
import { capabilities, guestXml, host, state } from './fixtures.ts';
import { key, problemsOf, wishesOf, written } from './wishes.ts';

const library = await ProfileLibrary.open([]);

test.each(library.places.map(({ name }) => name))(
  '%s makes of a database guest what it says',
  async (name) => {
    const guest = state(guestXml({ disks: 2 }), { capabilities: capabilities() });
    const wishes = wishesOf(library.get(name), guest);
    await expect(written(guest, wishes)).toMatchFileSnapshot(`golden/${name}.xml`);
  },
);

test.each(library.places.map(({ name }) => name))(
  '%s finds nothing against it on a host that has all',
  (name) => {
    const modern = host({ libvirtVersion: 11_000_000, qemuVersion: 10_000_000 });
    const guest = state(guestXml({ disks: 2 }), { capabilities: capabilities() });
    expect(problemsOf(wishesOf(library.get(name), guest, modern))).toEqual({});
  },
);

test.each(library.places.map(({ name }) => name))(
  '%s wants nothing more of a guest that it has made',
  (name) => {
    const guest = state(guestXml({ disks: 2 }), { capabilities: capabilities() });
    const done = state(written(guest, wishesOf(library.get(name), guest)), { capabilities: capabilities() });
    const again = wishesOf(library.get(name), done).filter(({ liveOnly }) => liveOnly !== true);
    const root = done.inactive?.root;
    expect(
      again.filter((wish) => root && wish.setting.read(root, wish.target) !== wish.value).map(key),
    ).toEqual([]);
  },
);

test('every wish names its knob, the reason and the source', () => {
  for (const { name } of library.places) {
    for (const wish of wishesOf(library.get(name), state(guestXml()))) {
      expect(wish.why).not.toBe('');
      expect(wish.source).not.toBe('');
      expect(library.get(name).knobs.has(wish.knob)).toBe(true);
    }
  }
});

test('one wish per setting and target, however many knobs set it', () => {
  const wishes = wishesOf(
    library.get('sql-server'),
    state(guestXml({ disks: 4 }), { capabilities: capabilities() }),
  );
  expect(new Set(wishes.map(key)).size).toBe(wishes.length);
});
