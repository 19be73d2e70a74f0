import { expect, test } from 'vitest';
import { LiveSwitch } from '../../../tuner/apply/live-switch.ts';
import { FakeLibvirt } from './fake-libvirt.ts';
import { define, pin, shares, UUIDS } from './fixtures.ts';
import { eventsOf, workOn } from './work.ts';

async function world() {
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0]);
  const work = await workOn(
    libvirt,
    [domain],
    [pin(domain, 0, '2'), shares(domain, 2_048), define(domain, 2_048)],
  );
  return { domain, work, setting: new LiveSwitch(work) };
}

test('live steps are made and undone in turn, in reverse order, each journalled; the definition is not touched', async () => {
  const { domain, work, setting } = await world();
  const before = domain.definition;
  await setting.on();
  expect(domain.run).toMatchObject({ pins: ['2', '0-7'], shares: 2_048 });
  await setting.off();
  expect(domain.run).toMatchObject({ pins: ['0-7', '0-7'], shares: 1_024 });
  await setting.on();
  expect(domain.run?.shares).toBe(2_048);
  expect(domain.definition).toBe(before);
  const on = ['doing 0', 'done 0', 'doing 1', 'done 1'];
  expect(eventsOf(work)).toEqual([...on, 'undoing 1', 'undone 1', 'undoing 0', 'undone 0', ...on]);
  expect(work.journal.progress.status).toBe('open');
});

test('what something else has set in between is not overwritten', async () => {
  const { domain, setting } = await world();
  await setting.on();
  if (domain.run !== undefined) domain.run.shares = 777;
  await expect(setting.off()).rejects.toMatchObject({ code: 'TUNE_CHANGED' });
  expect(domain.run?.shares).toBe(777);
});
