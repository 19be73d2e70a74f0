import { expect, test } from 'vitest';
import { applyTransaction } from '../../../tuner/apply/apply.ts';
import { checkHostState, checkOthers, readHostState } from '../../../tuner/apply/host-state.ts';
import { basisOf } from '../../../tuner/apply/plan-basis.ts';
import { checkPreconditions, savedImageNotes } from '../../../tuner/apply/preconditions.ts';
import type { Transaction } from '../../../tuner/apply/transaction.ts';
import { type FakeDomain, FakeLibvirt, HOSTNAME } from './fake-libvirt.ts';
import {
  DEDICATED_HINT,
  define,
  options,
  PINS_ON_2_3,
  pages,
  pin,
  restart,
  transaction,
  transactions,
  UUIDS,
  withXml,
} from './fixtures.ts';
import { linkTo } from './work.ts';

function two() {
  const libvirt = new FakeLibvirt();
  const [db, web] = [libvirt.add('db01', UUIDS[0]), libvirt.add('web02', UUIDS[1])];
  libvirt.listed();
  return { libvirt, db, web };
}
const repinned = (domain: FakeDomain, cpu: number): void => {
  domain.definition = domain.definition?.replace(
    /<cputune>.*<\/cputune>|(?=<devices>)/,
    `<cputune><vcpupin vcpu='0' cpuset='${cpu}'/></cputune>`,
  );
};

/** A transaction of `db` with everything that its plan read. */
async function planned({ libvirt, db }: ReturnType<typeof two>): Promise<Transaction> {
  const { host, domains } = await readHostState(await linkTo(libvirt), 'qemu:///system');
  return { ...transaction([db], [pin(db, 0, '2')]), basis: basisOf(host, domains) };
}

test('a host is read with all of its domains', async () => {
  const { libvirt } = two();
  const { host, domains } = await readHostState(await linkTo(libvirt), 'qemu:///system');
  expect([host.uri, host.hostname]).toEqual(['qemu:///system', HOSTNAME]);
  expect(domains.map(({ domain }) => domain.name)).toEqual(['db01', 'web02']);
});

test('a host that is as the plan saw it is given as it is now; one that has changed is refused', async () => {
  const it = two();
  const link = await linkTo(it.libvirt);
  const plan = await planned(it);
  expect((await checkHostState(link, plan))?.domains).toHaveLength(2);
  expect(await checkHostState(link, transaction([it.db], []))).toBeUndefined();
  repinned(it.web, 5);
  await expect(checkHostState(link, plan)).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message:
      'since the plan was made, the host has changed (nothing was changed; review a new plan, or apply with --force to plan again):\n' +
      '  domain "web02": vCPU pins had none, now none, next boot 0:5',
  });
});

test('after the last step only other domains count', async () => {
  const it = two();
  const link = await linkTo(it.libvirt);
  const plan = await planned(it);
  repinned(it.db, 4);
  it.libvirt.pages = 99;
  await checkOthers(link, plan);
  repinned(it.web, 5);
  await expect(checkOthers(link, plan)).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringMatching(
      /^since the plan was made, the host has changed \(without a lock, both runs may have been assigned the same CPUs or pages; [^\n]*\n {2}domain "web02": [^\n]*$/,
    ),
  });
  await checkOthers(link, transaction([it.db], []));
});

test('of many differences eight are shown, and the rest is counted', async () => {
  const lines = async (count: number): Promise<string[]> => {
    const it = two();
    const plan = await planned(it);
    for (let index = 0; index < count; index++) it.libvirt.add(`vm${index}`, `${index}`.padStart(36, '0'));
    const error: Error = await checkHostState(await linkTo(it.libvirt), plan).then(
      () => new Error(),
      (caught: Error) => caught,
    );
    return error.message.split('\n').slice(1);
  };
  expect(await lines(8)).toHaveLength(8);
  expect((await lines(8)).at(-1)).toBe('  domain "vm7" is new');
  expect(await lines(10)).toHaveLength(9);
  expect((await lines(10)).at(-1)).toBe('  and 2 more');
});

test.each<[string, (it: ReturnType<typeof two>) => void, RegExp | undefined]>([
  ['is as it was', () => undefined, undefined],
  [
    'left',
    ({ libvirt }) => void libvirt.domains.splice(0, 1),
    /^domain "db01" has changed since it was planned: it is no longer on this host; review a new plan, or apply with --force to plan again$/,
  ],
  [
    'went off',
    ({ db }) => {
      db.run = undefined;
    },
    /: it was shut down;/,
  ],
  [
    'has another definition',
    ({ db }) => repinned(db, 3),
    /: its definition has "<cputune>.*" instead of "<devices>";/,
  ],
  [
    'runs otherwise',
    ({ libvirt, db }) => {
      const { definition } = db;
      repinned(db, 3);
      libvirt.start(db, false);
      db.definition = definition;
    },
    /: the running domain has ".*cputune.*" instead of /,
  ],
  [
    'lost its definition',
    ({ db }) => {
      db.definition = undefined;
    },
    /: its definition was removed;/,
  ],
])('a domain that %s since its plan', async (_, change, message) => {
  const it = two();
  const { domains } = transaction([it.db], []);
  change(it);
  const checked = checkPreconditions(await linkTo(it.libvirt), domains);
  if (message === undefined) await checked;
  else
    await expect(checked).rejects.toMatchObject({
      code: 'TUNE_CHANGED',
      message: expect.stringMatching(message),
    });
});

test('a domain that was started or defined since its plan is not what the plan saw', async () => {
  const it = two();
  const link = await linkTo(it.libvirt);
  const { run, definition } = it.db;
  it.db.run = undefined;
  const off = transaction([it.db], []).domains;
  await checkPreconditions(link, off);
  it.db.run = run;
  await expect(checkPreconditions(link, off)).rejects.toThrow(/: it was started;/);
  it.db.definition = undefined;
  const transient = transaction([it.db], []).domains;
  await checkPreconditions(link, transient);
  it.db.definition = definition;
  await expect(checkPreconditions(link, transient)).rejects.toThrow(/: it was defined;/);
});

test('every domain of a transaction is looked at', async () => {
  const it = two();
  const { domains } = transaction([it.db, it.web], []);
  repinned(it.web, 3);
  await expect(checkPreconditions(await linkTo(it.libvirt), domains)).rejects.toThrow(/"web02" has changed/);
});

test('a domain with a saved memory image is named: the image is resumed first', async () => {
  const { libvirt, db, web } = two();
  const asked: number[] = [];
  libvirt.answers = {
    connectListAllDomains: ({ flags }) => {
      asked.push(flags);
      return { domains: [{ uuid: web.uuid, name: web.name, id: -1 }], count: 1 };
    },
  };
  expect(await savedImageNotes(await linkTo(libvirt), transaction([db, web], []).domains)).toEqual([
    'domain "web02" has a saved memory image: its next start resumes it unchanged; the new definition takes effect at the boot after that (or with virsh start --force-boot, which discards the image)',
  ]);
  // VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE
  expect(asked).toEqual([1 << 8]);
});

test('a header says what the transaction is, with its notes and those of saved images', async () => {
  const it = two();
  const plan = { ...(await planned(it)), notes: ['a note'], hostCpus: '0' };
  it.libvirt.answers = {
    ...it.libvirt.answers,
    connectListAllDomains: ({ flags }) => ({
      domains: [it.db, it.web]
        .slice(0, flags === 0 ? 2 : 1)
        .map(({ uuid, name, run }) => ({ uuid, name, id: run?.id ?? -1 })),
      count: 2,
    }),
  };
  const outcome = await applyTransaction(plan, options(it.libvirt, { now: () => new Date(0) }));
  const notes = ['a note', expect.stringContaining('"db01" has a saved memory image')];
  expect(outcome).toMatchObject({ kind: 'committed', notes });
  expect((await transactions())[0]?.header).toEqual({
    format: 1,
    id: plan.id,
    at: '1970-01-01T00:00:00.000Z',
    version: '1.2.3',
    command: 'virtune tune apply db01',
    uri: 'qemu:///system',
    hostname: HOSTNAME,
    domains: plan.domains,
    steps: plan.steps,
    violations: [],
    hostCpus: '0',
    notes,
  });
});

test('what the host’s domains broke before is in the header', async () => {
  const it = two();
  it.db.definition = withXml(it.db.definition, PINS_ON_2_3);
  it.web.definition = withXml(it.web.definition, PINS_ON_2_3 + DEDICATED_HINT);
  const plan = await planned(it);
  await applyTransaction(plan, options(it.libvirt));
  expect((await transactions())[0]?.header.violations).toContainEqual({
    uuid: it.web.uuid,
    view: 'inactive',
    code: 'HINT_SHARES_CPU',
    other: 'db01',
    cpus: '2-3',
  });
});

test('a pool grows before domains change, and shrinks after them; one that stays keeps its place', async () => {
  const { libvirt, db } = two();
  const order = async (to: number): Promise<string[]> => {
    const steps = [pages(to), define(db, 2000 + to), restart(db)];
    const { id } = await applyTransaction(transaction([db], steps), options(libvirt));
    const record = (await transactions()).find((each) => each.id === id);
    return record?.header.steps.map(({ kind }) => kind) ?? [];
  };
  expect(await order(17)).toEqual(['hostPages', 'definition', 'restart']);
  expect(await order(17)).toEqual(['hostPages', 'definition', 'restart']);
  expect(await order(16)).toEqual(['definition', 'restart', 'hostPages']);
});

test('without a lock of libvirt others are looked at once more before the commit', async () => {
  const it = two();
  const plan = await planned(it);
  it.libvirt.onCall = (name) => {
    if (name === 'domainPinVcpuFlags') repinned(it.web, 6);
  };
  const outcome = await applyTransaction(plan, options(it.libvirt));
  expect(outcome).toMatchObject({
    kind: 'undone',
    failure: { code: 'TUNE_CHANGED', message: expect.stringContaining('"web02"') },
  });
  expect(it.db.run?.pins[0]).toBe('0-7');
});

test('a look at the host asks for no passwords', async () => {
  const { libvirt } = two();
  const link = await linkTo(libvirt);
  const asked: number[] = [];
  const { call } = link;
  link.call = (name, args, wait) => {
    if (name === 'domainGetXmlDesc') asked.push((args as { flags: number }).flags);
    return call.call(link, name, args, wait) as never;
  };
  await readHostState(link, 'qemu:///system');
  // VIR_DOMAIN_XML_INACTIVE alone, and not VIR_DOMAIN_XML_SECURE
  expect([...new Set(asked)].toSorted()).toEqual([0, 2]);
});
