import { expect, test } from 'vitest';
import { applyBatches, type BatchOptions, type RunResult } from '../../../tuner/apply/apply-batches.ts';
import { readBasis } from '../../../tuner/apply/host-state.ts';
import type { Transaction } from '../../../tuner/apply/transaction.ts';
import { FakeLibvirt } from './fake-libvirt.ts';
import { held, options, pages, pin, transaction } from './fixtures.ts';
import { linkTo } from './work.ts';

const uuidOf = (index: number): string => `${index}`.repeat(8).concat('-2222-4333-8444-555555555555');

/** Four VMs, and a transaction for each that pins vCPU 0 to CPU 2. */
function four() {
  const libvirt = new FakeLibvirt();
  const domains = [1, 2, 3, 4].map((index) => libvirt.add(`vm${index}`, uuidOf(index)));
  const parts = domains.map((domain) => transaction([domain], [pin(domain, 0, '2')]));
  return { libvirt, domains, parts };
}

/** What happened, in order: outcomes by VM, pauses and prompts. */
async function runOf(
  libvirt: FakeLibvirt,
  parts: readonly Transaction[],
  more: Partial<BatchOptions> = {},
): Promise<{ happened: string[]; result: RunResult }> {
  const happened: string[] = [];
  const result = await applyBatches(await held(), parts, {
    ...options(libvirt),
    canary: 0,
    batch: 10,
    pauseMs: 0,
    onOutcome: ({ kind }, { domains }) =>
      happened.push(`${kind} ${domains.map(({ domain }) => domain.name)}`),
    onSay: (text) => happened.push(text),
    sleep: async (ms) => void happened.push(`slept ${ms} ms`),
    ...more,
  });
  return { happened, result };
}

const names = (parts: readonly Transaction[]): (string | undefined)[] =>
  parts.map(({ domains }) => domains[0]?.domain.name);

test('transactions are applied one after the other, without a pause in a batch', async () => {
  const { libvirt, domains, parts } = four();
  const { happened, result } = await runOf(libvirt, parts, { pauseMs: 1_000 });
  expect(happened).toEqual(['committed vm1', 'committed vm2', 'committed vm3', 'committed vm4']);
  expect(result).toMatchObject({ notTried: [], stopped: undefined });
  expect(names(result.outcomes.map(({ transaction: each }) => each))).toEqual(['vm1', 'vm2', 'vm3', 'vm4']);
  expect(domains.map(({ run }) => run?.pins[0])).toEqual(['2', '2', '2', '2']);
});

test('after the canaries it pauses and asks; then after each batch it pauses', async () => {
  const { libvirt, parts } = four();
  const asked: number[][] = [];
  const { happened } = await runOf(libvirt, parts, {
    canary: 1,
    batch: 2,
    pauseMs: 2_500,
    goOn: async (done, left) => asked.push([done, left]) > 0,
  });
  expect(happened).toEqual([
    'committed vm1',
    '1 done, 3 left; pausing for 2.5 s',
    'slept 2500 ms',
    'committed vm2',
    'committed vm3',
    '3 done, 1 left; pausing for 2.5 s',
    'slept 2500 ms',
    'committed vm4',
  ]);
  expect(asked).toEqual([[1, 3]]);
});

test('the host’s own steps do not count as a canary', async () => {
  const { libvirt, parts } = four();
  const asked: number[][] = [];
  const goOn = async (done: number, left: number) => asked.push([done, left]) > 0;
  await runOf(libvirt, [transaction([], [pages(32)]), ...parts], { canary: 1, goOn });
  expect(asked).toEqual([[1, 3]]);
});

test('without canaries there is no question, and batches count from the first', async () => {
  const { libvirt, parts } = four();
  const { happened } = await runOf(libvirt, parts, {
    batch: 2,
    pauseMs: 1_000,
    goOn: async () => false,
  });
  expect(happened.filter((each) => each.startsWith('slept'))).toHaveLength(1);
  expect(happened.at(-1)).toBe('committed vm4');
});

test('after a no to the question, the VMs after the canaries stay unchanged', async () => {
  const { libvirt, domains, parts } = four();
  const { result } = await runOf(libvirt, parts, { canary: 2, goOn: async () => false });
  expect(result.stopped?.code).toBe('TUNE_STOPPED');
  expect([result.outcomes.length, names(result.notTried)]).toEqual([2, ['vm3', 'vm4']]);
  expect(domains.map(({ run }) => run?.pins[0])).toEqual(['2', '2', '0-7', '0-7']);
});

test('the first that fails is undone and ends the run; what was done before it stays', async () => {
  const { libvirt, domains, parts } = four();
  let pins = 0;
  libvirt.onCall = (name) => {
    if (name !== 'domainPinVcpuFlags') return;
    pins++;
    if (pins === 2) libvirt.ignored.add('domainPinVcpuFlags');
  };
  const { happened, result } = await runOf(libvirt, parts);
  expect(happened).toEqual(['committed vm1', 'undone vm2']);
  expect([names(result.notTried), result.stopped]).toEqual([['vm3', 'vm4'], undefined]);
  expect(domains.map(({ run }) => run?.pins[0])).toEqual(['2', '0-7', '0-7', '0-7']);
});

test('a VM that went down after its change ends the run at the end of its batch', async () => {
  const { libvirt, domains, parts } = four();
  const { result } = await runOf(libvirt, parts, {
    batch: 2,
    pauseMs: 1,
    sleep: async () => {
      for (const domain of domains.slice(0, 1)) domain.run = undefined;
    },
  });
  expect(result.stopped).toMatchObject({
    code: 'TUNE_RESTART',
    message: expect.stringMatching(/^"vm1" stopped running after its change/),
  });
  expect([result.outcomes.length, names(result.notTried)]).toEqual([2, ['vm3', 'vm4']]);
});

test('a VM that was off before its change does not count as down', async () => {
  const { libvirt, domains } = four();
  for (const domain of domains) domain.run = undefined;
  const parts = domains.map((domain) => transaction([domain], []));
  const { result } = await runOf(libvirt, parts, { batch: 1 });
  expect(result).toMatchObject({ notTried: [], stopped: undefined });
});

test('a stop takes effect between two transactions and after a pause', async () => {
  for (const pauseMs of [0, 5]) {
    const { libvirt, parts } = four();
    const stop = new AbortController();
    const { result } = await runOf(libvirt, parts, {
      batch: 1,
      pauseMs,
      signal: stop.signal,
      sleep: async () => stop.abort(),
      onOutcome: () => {
        if (pauseMs === 0) stop.abort();
      },
    });
    expect(result.stopped?.code).toBe('TUNE_STOPPED');
    expect([result.outcomes.length, result.notTried.length]).toEqual([1, 3]);
  }
});

test('a first transaction that cannot begin rejects; a later one ends the run with the reason', async () => {
  const { libvirt, domains, parts } = four();
  const [vm1, vm2] = domains;
  if (vm1 !== undefined) vm1.definition = '<domain/>';
  await expect(runOf(libvirt, parts)).rejects.toMatchObject({ code: 'TUNE_CHANGED' });
  if (vm2 !== undefined) vm2.definition = '<domain/>';
  const { result } = await runOf(libvirt, [...parts.slice(2), ...parts.slice(1, 2)]);
  expect([result.outcomes.length, names(result.notTried), result.stopped?.code]).toEqual([
    2,
    ['vm2'],
    'TUNE_CHANGED',
  ]);
});

test('what the run itself has changed counts for the next transaction as it is now, and what others did does not', async () => {
  for (const others of [false, true]) {
    const { libvirt, domains, parts } = four();
    libvirt.listed();
    const basis = await readBasis(await linkTo(libvirt), 'qemu:///system');
    const [vm1, , vm3] = domains;
    const { result } = await runOf(
      libvirt,
      parts.map((each) => ({ ...each, basis })),
      {
        onOutcome: (_, { domains: [of] }) => {
          // The mark that virtune writes into each domain that it has tuned.
          const changed = of?.domain.name === 'vm1' ? [vm1, ...(others ? [vm3] : [])] : [];
          for (const domain of changed) {
            const definition = domain?.definition?.replace('1048576', '2097152');
            if (domain !== undefined) domain.definition = definition;
          }
        },
      },
    );
    if (others) {
      expect([result.outcomes.length, names(result.notTried)]).toEqual([1, ['vm2', 'vm3', 'vm4']]);
      expect(result.stopped).toMatchObject({
        code: 'TUNE_CHANGED',
        message: expect.stringMatching(/domain "vm3": memory had /),
      });
      expect(result.stopped?.message).not.toContain('"vm1"');
    } else expect([result.outcomes.length, result.stopped]).toEqual([4, undefined]);
    expect(result.outcomes[0]?.transaction.basis).toBe(basis);
  }
});

test('a CPU that goes offline while a VM is changed ends the run before the next; pools may change', async () => {
  const { libvirt, domains, parts } = four();
  libvirt.listed();
  const online = (bits: number) => {
    const map = Uint8Array.of(bits);
    libvirt.answers = { ...libvirt.answers, nodeGetCpuMap: () => ({ map, online: 8, total: 8 }) };
  };
  online(0xff);
  const basis = await readBasis(await linkTo(libvirt), 'qemu:///system');
  let pins = 0;
  libvirt.onCall = (name) => {
    if (name !== 'domainPinVcpuFlags') return;
    pins++;
    if (pins === 1) libvirt.pages = 8;
    if (pins === 2) online(0xdf);
  };
  const { happened, result } = await runOf(
    libvirt,
    parts.map((each) => ({ ...each, basis })),
  );
  expect(happened).toEqual(['committed vm1', 'committed vm2']);
  expect(names(result.notTried)).toEqual(['vm3', 'vm4']);
  expect(result.stopped).toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringContaining('the host: online CPUs had 0-7, now 0-4,6-7'),
  });
  expect(domains.map(({ run }) => run?.pins[0])).toEqual(['2', '2', '0-7', '0-7']);
});

test('a failure that is not virtune’s ends the run as one of a step, with its cause', async () => {
  const { libvirt, parts } = four();
  const fault = new RangeError('a fault');
  const { result } = await runOf(libvirt, parts, {
    batch: 1,
    pauseMs: 1,
    sleep: async () => {
      throw fault;
    },
  });
  expect(result.stopped).toMatchObject({ code: 'TUNE_STEP', message: 'a fault', cause: fault });
  expect(result.outcomes).toHaveLength(1);
});

test('every VM that went down is named, and only those that ran', async () => {
  const { libvirt, domains, parts } = four();
  const { happened, result } = await runOf(libvirt, parts, {
    batch: 3,
    onOutcome: (_, { domains: [of] }) => {
      if (of?.domain.name !== 'vm3') return;
      for (const domain of domains.slice(1, 3)) domain.run = undefined;
    },
  });
  expect(happened).toEqual([]);
  expect(result.stopped?.message).toBe(
    '"vm2", "vm3" stopped running after its change was applied and verified; the remaining VMs are unchanged',
  );
});

test('after the canaries batches count from there, and the VMs are looked at each time', async () => {
  const { libvirt, parts } = four();
  let asked = 0;
  const { happened } = await runOf(libvirt, parts, {
    canary: 2,
    batch: 1,
    pauseMs: 1,
    goOn: async () => ++asked > 0,
  });
  expect(happened).toEqual([
    'committed vm1',
    'committed vm2',
    '2 done, 2 left; pausing for 0.001 s',
    'slept 1 ms',
    'committed vm3',
    '3 done, 1 left; pausing for 0.001 s',
    'slept 1 ms',
    'committed vm4',
  ]);
  expect(asked).toBe(1);
});

test('without a prompt, canaries are followed by the rest', async () => {
  const { libvirt, parts } = four();
  expect((await runOf(libvirt, parts, { canary: 1 })).happened).toHaveLength(4);
});

test('after the last transaction the host is not read once more', async () => {
  const { libvirt, parts } = four();
  libvirt.listed();
  const basis = await readBasis(await linkTo(libvirt), 'qemu:///system');
  const left: number[] = [];
  const { result } = await runOf(
    libvirt,
    parts.map((each) => ({ ...each, basis })),
    { onOutcome: () => void left.push(libvirt.calls.length) },
  );
  expect(result.outcomes).toHaveLength(4);
  expect(left.at(-1)).toBe(libvirt.calls.length);
  expect(left.at(-2)).toBeLessThan(libvirt.calls.length);
});
