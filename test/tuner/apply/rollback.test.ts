import { expect, test } from 'vitest';
import { ErrorCode } from '../../../libvirt/constants.ts';
import { RemoteError } from '../../../libvirt/errors.ts';
import { applyTransaction } from '../../../tuner/apply/apply.ts';
import { rollbackTransaction } from '../../../tuner/apply/rollback.ts';
import { FakeLibvirt } from './fake-libvirt.ts';
import {
  define,
  options,
  pages,
  picture,
  pin,
  restart,
  shares,
  takingBack,
  transaction,
  transactions,
  UUIDS,
} from './fixtures.ts';

async function applied() {
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0]);
  const before = picture(libvirt);
  const steps = [pages(32), pin(domain, 0, '2'), shares(domain, 2048), define(domain, 2048)];
  const { id } = await applyTransaction(transaction([domain], steps), options(libvirt));
  return { libvirt, domain, before, id };
}

test('a rollback restores the live settings and, exactly, the definition', async () => {
  const { libvirt, before, id } = await applied();
  const outcome = await rollbackTransaction(id, takingBack(libvirt));
  expect(outcome).toMatchObject({ kind: 'rolled back', remains: [] });
  expect(picture(libvirt)).toEqual(before);
  expect((await transactions())[0]?.progress.status).toBe('rolled back');
});

test('what needs a boot is reported, and applied at once when a restart is asked for', async () => {
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0]);
  const before = picture(libvirt);
  const steps = [define(domain, 2048), restart(domain)];
  const first = await applyTransaction(transaction([domain], steps), options(libvirt));
  expect(domain.run?.shares).toBe(2048);
  const run = domain.run?.id;
  const outcome = await rollbackTransaction(first.id, takingBack(libvirt));
  expect(outcome.notes.join()).toMatch(
    /"db01" keeps these settings until it is shut down and started again.*shares is 2048, not unset/,
  );
  expect(domain.run?.id).toBe(run);
  expect(domain.definition).not.toContain('2048</shares>');

  const second = await applyTransaction(
    transaction([domain], [define(domain, 2048), restart(domain)]),
    options(libvirt),
  );
  const now = await rollbackTransaction(second.id, takingBack(libvirt, { restarts: true }));
  expect(now).toMatchObject({ kind: 'rolled back', notes: [] });
  expect(picture(libvirt)).toEqual(before);
});

test('what another user has changed since is shown, and rolled back only when that is asked for', async () => {
  const { libvirt, domain, before, id } = await applied();
  domain.definition = domain.definition?.replace("cpuset='2'", "cpuset='7'");
  if (domain.run !== undefined) domain.run.shares = 100;
  const changed = picture(libvirt);
  await expect(rollbackTransaction(id, takingBack(libvirt))).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringMatching(/cpu_shares is 100, not 2048.*cpuset='7'.*--force/),
  });
  expect(picture(libvirt)).toEqual(changed);
  expect((await transactions())[0]?.progress.status).toBe('committed');
  expect((await rollbackTransaction(id, takingBack(libvirt, { force: true }))).kind).toBe('rolled back');
  expect(picture(libvirt)).toEqual(before);
});

test('a setting that cannot be read any more counts as changed, with what libvirt says', async () => {
  const { libvirt, id } = await applied();
  const before = picture(libvirt);
  libvirt.onCall = (name) => {
    if (name !== 'domainGetSchedulerParametersFlags') return;
    throw new RemoteError(name, ErrorCode.operationInvalid, 10, 'the cgroup is gone');
  };
  await expect(rollbackTransaction(id, takingBack(libvirt))).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringContaining('the cgroup is gone'),
  });
  expect(picture(libvirt)).toEqual(before);
});

test('a domain that was shut down or restarted since does not count as a change by another user', async () => {
  const off = await applied();
  off.domain.run = undefined;
  expect(await rollbackTransaction(off.id, takingBack(off.libvirt))).toMatchObject({ kind: 'rolled back' });
  expect(off.domain.definition).not.toContain('2048');
  const again = await applied();
  again.libvirt.start(again.domain, false);
  if (again.domain.run !== undefined) again.domain.run.shares = 7;
  expect(await rollbackTransaction(again.id, takingBack(again.libvirt))).toMatchObject({
    kind: 'rolled back',
  });
  // Its new run had the pin of the definition; a setting that another user changed on that run is kept.
  expect(again.domain.run).toMatchObject({ pins: ['0-7', '0-7'], shares: 7 });
  expect(again.domain.definition).not.toContain('2048');
});

test('several steps on one live setting are rolled back to the value before the first', async () => {
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0]);
  const before = picture(libvirt);
  const steps = [pin(domain, 0, '2'), pin(domain, 0, '3'), shares(domain, 100), shares(domain, 200)];
  const { id } = await applyTransaction(transaction([domain], steps), options(libvirt));
  expect(domain.run).toMatchObject({ pins: ['3', '0-7'], shares: 200 });
  expect((await rollbackTransaction(id, takingBack(libvirt))).kind).toBe('rolled back');
  expect(picture(libvirt)).toEqual(before);
});

test('only what is committed, and only once, can be rolled back', async () => {
  const { libvirt, id } = await applied();
  await expect(rollbackTransaction('nowhere', takingBack(libvirt))).rejects.toMatchObject({
    code: 'TUNE_USAGE',
    message: expect.stringContaining('there is no transaction "nowhere"'),
  });
  await rollbackTransaction(id.slice(-6), takingBack(libvirt));
  await expect(rollbackTransaction('last', takingBack(libvirt))).rejects.toMatchObject({
    code: 'TUNE_USAGE',
    message: expect.stringContaining('is rolled back already'),
  });
});

test('what a rollback cannot undo keeps the transaction open, with what remains', async () => {
  const { libvirt, domain, id } = await applied();
  libvirt.ignored.add('domainPinVcpuFlags');
  const outcome = await rollbackTransaction(id, takingBack(libvirt));
  expect(outcome.kind).toBe('incomplete');
  expect(outcome.remains).toMatchObject([
    {
      step: { kind: 'vcpuPin', vcpu: 0 },
      message: 'restoring it was accepted but had no effect: it is on CPUs 2, not 0-7',
    },
  ]);
  expect(domain.definition).not.toContain('2048');
  expect((await transactions())[0]?.progress.status).toBe('open');
});

test('a restart that is refused each time is tried twice, and remains', async () => {
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0]);
  const steps = [define(domain, 2048), restart(domain)];
  const { id } = await applyTransaction(transaction([domain], steps), options(libvirt));
  let tries = 0;
  // A rollback with unlimited retries would succeed at the tenth.
  libvirt.refusesToStart = () => (++tries < 10 ? 'Cannot allocate memory' : undefined);
  const outcome = await rollbackTransaction(id, takingBack(libvirt, { restarts: true }));
  expect(tries).toBe(2);
  expect(outcome).toMatchObject({
    kind: 'incomplete',
    remains: [{ step: { kind: 'restart' }, message: expect.stringContaining('Cannot allocate memory') }],
  });
});
