import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ErrorCode } from '../../../libvirt/constants.ts';
import { RemoteError } from '../../../libvirt/errors.ts';
import { applyTransaction } from '../../../tuner/apply/apply.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { FakeLibvirt } from './fake-libvirt.ts';
import {
  define,
  options,
  pages,
  picture,
  pin,
  restart,
  shares,
  stateDir,
  transaction,
  transactions,
  UUIDS,
} from './fixtures.ts';

function oneDomain(settings = '') {
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0], settings);
  return { libvirt, domain, before: picture(libvirt) };
}

test('requested changes are applied, verified and journalled', async () => {
  const { libvirt, domain } = oneDomain();
  const steps = [
    pages(32),
    pin(domain, 0, '2'),
    pin(domain, 1, '3'),
    shares(domain, 2048),
    define(domain, 2048),
  ];
  const outcome = await applyTransaction(transaction([domain], steps), options(libvirt));
  expect(outcome).toMatchObject({ kind: 'committed', remains: [], failure: undefined });
  expect(libvirt.pages).toBe(32);
  expect(domain.run).toMatchObject({ pins: ['2', '3'], shares: 2048 });
  expect(domain.definition).toContain('<shares>2048</shares>');
  const [record] = await transactions();
  expect(record?.progress.status).toBe('committed');
  expect(record?.events.map(({ event }) => event)).toEqual([
    ...steps.flatMap(() => ['doing', 'done']),
    'committed',
  ]);
  expect(record?.header.domains[0]).toMatchObject({ profile: 'oltp-database', live: domain.run?.xml });
});

test('nothing is changed before the journal line that announces it is on disk', async () => {
  const { libvirt, domain } = oneDomain();
  const happened: string[] = [];
  const steps = [pin(domain, 0, '2'), shares(domain, 2048), define(domain, 2048)];
  await applyTransaction(
    transaction([domain], steps),
    options(libvirt, { trace: ({ when, what }) => void happened.push(`${when} ${what}`) }),
  );
  const changes = ['domainPinVcpuFlags', 'domainSetSchedulerParametersFlags', 'domainDefineXmlFlags'];
  for (const [index, change] of changes.entries()) {
    const announced = happened.indexOf(`after journal doing ${index}`);
    expect(announced).toBeGreaterThan(happened.indexOf('after journal header'));
    expect(happened.indexOf(`before ${change}`)).toBeGreaterThan(announced);
    expect(happened.indexOf(`before journal done ${index}`)).toBeGreaterThan(
      happened.indexOf(`after ${change}`),
    );
  }
});

test('only its owner may read a journal: definitions hold passwords', async () => {
  const { libvirt, domain } = oneDomain();
  await applyTransaction(transaction([domain], [pin(domain, 0, '2')]), options(libvirt));
  const [record] = await transactions();
  const path = join(stateDir(), 'transactions', `${record?.id}.jsonl`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(stateDir(), 'transactions')).mode & 0o777).toBe(0o700);
  expect(readFileSync(path, 'utf8')).toContain('"event":"committed"');
});

test('a live setting that already has the wanted value is not changed', async () => {
  const { libvirt, domain } = oneDomain();
  const outcome = await applyTransaction(
    transaction([domain], [pin(domain, 0, '0-7'), pages(16)]),
    options(libvirt),
  );
  expect(outcome.kind).toBe('committed');
  expect(libvirt.calls).not.toContain('domainPinVcpuFlags');
  expect(libvirt.calls).not.toContain('nodeAllocPages');
});

test('when any one step fails, all before it are undone and the outcome says which and why', async () => {
  const steps = (of: ReturnType<typeof oneDomain>): Step[] => [
    pages(32),
    pin(of.domain, 0, '2'),
    shares(of.domain, 2048),
    define(of.domain, 2048),
    pin(of.domain, 1, '3'),
  ];
  const setters = [
    'nodeAllocPages',
    'domainPinVcpuFlags',
    'domainSetSchedulerParametersFlags',
    'domainDefineXmlFlags',
  ] as const;
  for (const failing of setters) {
    const world = oneDomain();
    let failed = false;
    world.libvirt.onCall = (name) => {
      if (name !== failing || failed) return;
      failed = true;
      throw new RemoteError(name, ErrorCode.internal, 10, 'out of luck');
    };
    const outcome = await applyTransaction(transaction([world.domain], steps(world)), options(world.libvirt));
    expect(outcome).toMatchObject({ kind: 'undone', remains: [] });
    expect(outcome.failure?.message).toContain('out of luck');
    expect(picture(world.libvirt)).toEqual(world.before);
    expect((await transactions())[0]?.progress.status).toBe('undone');
  }
});

test.each([
  ['domainPinVcpuFlags', 'it is on CPUs 0-7, not 2'],
  ['domainDefineXmlFlags', 'shares is not set, not 2048'],
  ['nodeAllocPages', 'it is 16, not 32'],
] as const)(
  '%s that answers success and does nothing is an error, and all is undone',
  async (silent, said) => {
    const { libvirt, domain, before } = oneDomain();
    libvirt.ignored.add(silent);
    const steps = [shares(domain, 2048), pin(domain, 0, '2'), define(domain, 2048), pages(32)];
    const outcome = await applyTransaction(transaction([domain], steps), options(libvirt));
    expect(outcome.kind).toBe('undone');
    expect(outcome.failure).toMatchObject({ code: 'TUNE_READ_BACK' });
    expect(outcome.failure?.message).toContain(said);
    expect(picture(libvirt)).toEqual(before);
  },
);

test('when stopped, it undoes its changes: after every single step', async () => {
  const points = await pointsOf((trace) => {
    const { libvirt, domain } = oneDomain();
    const steps = [pin(domain, 0, '2'), shares(domain, 2048), define(domain, 2048), restart(domain)];
    return applyTransaction(transaction([domain], steps), options(libvirt, { trace }));
  });
  for (let stopAt = 0; stopAt < points; stopAt++) {
    const { libvirt, domain, before } = oneDomain();
    const steps = [pin(domain, 0, '2'), shares(domain, 2048), define(domain, 2048), restart(domain)];
    const stop = new AbortController();
    let at = 0;
    const outcome = await applyTransaction(
      transaction([domain], steps),
      options(libvirt, {
        signal: stop.signal,
        trace: () => {
          if (at++ === stopAt) stop.abort();
        },
      }),
    );
    if (outcome.kind === 'committed') expect(domain.run?.shares).toBe(2048);
    else {
      expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_STOPPED' } });
      expect(picture(libvirt)).toEqual(before);
    }
  }
});

async function pointsOf(run: (trace: () => void) => Promise<unknown>): Promise<number> {
  let points = 0;
  await run(() => {
    points++;
  });
  return points;
}

test('a domain that changed since it was planned for is refused, and nothing is written or touched', async () => {
  const changes: [RegExp, (world: ReturnType<typeof oneDomain>) => void][] = [
    [
      /its definition has "<memory unit='KiB'>2097152<\/memory>"/,
      ({ domain }) => {
        domain.definition = domain.definition?.replace('1048576', '2097152');
      },
    ],
    [
      /it was shut down/,
      ({ domain }) => {
        domain.run = undefined;
      },
    ],
    [
      /it is no longer on this host/,
      ({ libvirt }) => {
        libvirt.domains.length = 0;
      },
    ],
    [
      /its definition was removed/,
      ({ domain }) => {
        domain.definition = undefined;
      },
    ],
    [
      /the running domain has/,
      ({ domain, libvirt }) => {
        const defined = domain.definition;
        domain.definition = defined?.replace('raw', 'qcow2');
        libvirt.start(domain, false);
        domain.definition = defined;
      },
    ],
  ];
  for (const [message, change] of changes) {
    const world = oneDomain();
    const planned = transaction([world.domain], [pin(world.domain, 0, '2')]);
    change(world);
    const changed = picture(world.libvirt);
    const applied = applyTransaction(planned, options(world.libvirt));
    await expect(applied).rejects.toMatchObject({
      code: 'TUNE_CHANGED',
      message: expect.stringMatching(message),
    });
    expect(picture(world.libvirt)).toEqual(changed);
    expect(await transactions()).toEqual([]);
  }
});

test('a balloon that moved, and a program in the guest that came and went, do not count as changes', async () => {
  const live = (kib: number, channel: string): string =>
    `<currentMemory unit='KiB'>${kib}</currentMemory><x><channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='${channel}'/></channel></x>`;
  const { libvirt, domain } = oneDomain(live(4, 'connected').replaceAll(/<\/?x>/g, ''));
  const planned = transaction([domain], [pin(domain, 0, '2')]);
  const moved = planned.domains.map((each) => ({
    ...each,
    live: each.live?.replace('>4<', '>8<'),
  }));
  const outcome = await applyTransaction({ ...planned, domains: moved }, options(libvirt));
  expect(outcome.kind).toBe('committed');
});

test('a definition that is changed while it is applied is not overwritten', async () => {
  const { libvirt, domain } = oneDomain();
  const steps = [pin(domain, 0, '2'), define(domain, 2048)];
  const planned = transaction([domain], steps);
  let edited: string | undefined;
  libvirt.onCall = (name) => {
    if (name !== 'domainPinVcpuFlags' || edited !== undefined) return;
    edited = domain.definition?.replace('1048576', '2097152');
    domain.definition = edited;
  };
  const outcome = await applyTransaction(planned, options(libvirt));
  expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_CHANGED' } });
  expect(domain.definition).toBe(edited);
  expect(domain.run?.pins[0]).toBe('0-7');
});

test('a URI of another host is refused', async () => {
  const { libvirt, domain } = oneDomain();
  const planned = { ...transaction([domain], [pin(domain, 0, '2')]), hostname: 'kvm02' };
  await expect(applyTransaction(planned, options(libvirt))).rejects.toMatchObject({ code: 'TUNE_CHANGED' });
});
