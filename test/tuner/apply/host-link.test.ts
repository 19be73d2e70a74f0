import { expect, test } from 'vitest';
import { ErrorCode } from '../../../libvirt/constants.ts';
import { ClosedError, RemoteError } from '../../../libvirt/errors.ts';
import { HostLink, type HostLinkOptions } from '../../../tuner/apply/host-link.ts';
import type { TunerConnection } from '../../../tuner/connection.ts';
import { TunerError } from '../../../tuner/errors.ts';
import type { CallWait } from '../../../tuner/steps/step-host.ts';

/** A libvirt that returns its hostname, or does not answer. */
class Libvirt {
  away = false;
  opened = 0;
  readonly sent: (CallWait | undefined)[] = [];
  readonly closed: TunerConnection[] = [];
  /** Errors of the next calls, one each. */
  readonly errors: Error[] = [];

  readonly open = async (): Promise<TunerConnection> => {
    if (this.away) throw new Error('there is no libvirt');
    this.opened++;
    let closed: Error | undefined;
    const connection = {
      get closed() {
        return closed;
      },
      close: async () => void this.closed.push(connection as TunerConnection),
      call: async (_name: string, _args: unknown, wait?: CallWait) => {
        this.sent.push(wait);
        if (this.away) closed ??= new ClosedError('cut');
        if (closed !== undefined) throw closed;
        const error = this.errors.shift();
        if (error instanceof ClosedError) closed = error;
        if (error !== undefined) throw error;
        return { hostname: 'kvm1' };
      },
    };
    return connection as unknown as TunerConnection;
  };
}

function linked(more: Partial<HostLinkOptions> = {}) {
  const libvirt = new Libvirt();
  const said: string[] = [];
  const traced: string[] = [];
  const link = new HostLink({
    open: libvirt.open,
    local: undefined,
    restart: { shutdownMs: 1, settleMs: 1, forceOff: false },
    reconnectMs: 30,
    signal: undefined,
    trace: ({ when, what }) => void traced.push(`${when} ${what}`),
    say: (text) => said.push(text),
    saved: () => undefined,
    ...more,
  });
  return { libvirt, link, said, traced };
}
const ask = (link: HostLink, wait?: CallWait) => link.call('connectGetHostname', undefined, wait);
const busy = (): RemoteError => new RemoteError('any', ErrorCode.operationInvalid, 10, 'not now');

test('a call is traced before and after, and has a minute, what the options say, or what its caller says', async () => {
  const { libvirt, link, traced } = linked();
  await link.open();
  expect(await ask(link)).toEqual({ hostname: 'kvm1' });
  await ask(link, { timeoutMs: 5 });
  const quick = linked({ callTimeoutMs: 7 });
  await quick.link.open();
  await ask(quick.link);
  expect([...libvirt.sent, ...quick.libvirt.sent]).toEqual([
    { timeoutMs: 60_000 },
    { timeoutMs: 5 },
    { timeoutMs: 7 },
  ]);
  expect(traced.slice(0, 2)).toEqual(['before connectGetHostname', 'after connectGetHostname']);
});

test('a link that was not opened has no connection, and one that was closes it', async () => {
  const { libvirt, link } = linked();
  await expect(ask(link)).rejects.toThrow('the connection to libvirt was not opened');
  await link.close();
  await link.open();
  await link.close();
  expect(libvirt.closed).toHaveLength(1);
});

test('on the way forward a lost connection ends it', async () => {
  const { libvirt, link, said } = linked();
  await link.open();
  libvirt.errors.push(new ClosedError('cut'));
  await expect(ask(link)).rejects.toThrow('cut');
  await expect(ask(link)).rejects.toThrow('cut');
  expect([libvirt.opened, said, link.isAway]).toEqual([1, [], false]);
});

test('during an undo a call whose connection is lost is sent again on a new one', async () => {
  const { libvirt, link, said } = linked();
  await link.open();
  await link.startUndo();
  libvirt.errors.push(new ClosedError('cut'));
  expect(await ask(link)).toEqual({ hostname: 'kvm1' });
  await ask(link);
  expect([libvirt.opened, said]).toEqual([2, ['the connection to libvirt is lost; reconnecting']]);
});

test('during an undo a call that libvirt refuses fails', async () => {
  const { libvirt, link } = linked();
  await link.open();
  await link.startUndo();
  libvirt.errors.push(busy());
  await expect(ask(link)).rejects.toThrow('not now');
  expect([libvirt.sent.length, libvirt.opened]).toEqual([1, 1]);
});

test('a libvirt that stays away is given up for good after one wait', async () => {
  const { libvirt, link, said } = linked();
  await link.open();
  await link.startUndo();
  libvirt.away = true;
  await expect(ask(link)).rejects.toThrow('there is no libvirt');
  expect(link.isAway).toBe(true);
  libvirt.away = false;
  await expect(ask(link)).rejects.toThrow('there is no libvirt');
  expect([libvirt.opened, said.length]).toEqual([1, 1]);
});

test('a libvirt that comes back in time is used again', async () => {
  const { libvirt, link } = linked({ reconnectMs: 60_000 });
  let nowMs = 0;
  // Time passes whenever the clock is read.
  link.nowMs = () => {
    nowMs += 29_990;
    return nowMs;
  };
  await link.open();
  await link.startUndo();
  libvirt.away = true;
  setTimeout(() => {
    libvirt.away = false;
  }, 1);
  expect(await ask(link)).toEqual({ hostname: 'kvm1' });
  expect(link.isAway).toBe(false);
});

test('a stop is heard on the way forward alone', async () => {
  const stop = new AbortController();
  const { link } = linked({ signal: stop.signal });
  expect(() => link.throwIfStopped()).not.toThrow();
  const waiting = link.wait(60_000);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'TUNE_STOPPED' });
  expect(() => link.throwIfStopped()).toThrow(
    expect.objectContaining({ code: 'TUNE_STOPPED', message: 'interrupted by a signal' }),
  );
  await link.startUndo();
  expect(() => link.throwIfStopped()).not.toThrow();
  await link.wait(1);
  const unstoppable = linked();
  await unstoppable.link.wait(1);
  expect(() => unstoppable.link.throwIfStopped()).not.toThrow();
});

test('the lease is checked before each change, and acquired again for an undo', async () => {
  const asked: string[] = [];
  const lease = {
    kind: 'libvirt' as const,
    check: async () => {
      asked.push('check');
      throw new TunerError('TUNE_LOCKED', 'lost');
    },
    regain: async () => void asked.push('regain'),
    release: async () => undefined,
  };
  const { link } = linked({ lease });
  await expect(link.checkLease()).rejects.toThrow('lost');
  await link.startUndo();
  await link.checkLease();
  expect(asked).toEqual(['check', 'regain']);
  const { link: without } = linked();
  await without.checkLease();
});

/** A link on whose clock time passes only while it waits. */
function patient() {
  const it = linked();
  let nowMs = 5_000;
  const waits: number[] = [];
  it.link.nowMs = () => nowMs;
  it.link.wait = async (ms) => {
    waits.push(ms);
    nowMs += ms;
  };
  return { ...it, waits };
}

test('what libvirt refuses is asked again for ten seconds, every half second', async () => {
  const { link, waits } = patient();
  let tries = 0;
  const refused = link.retryRefused(async () => {
    tries++;
    throw busy();
  });
  await expect(refused).rejects.toThrow('not now');
  expect([tries, waits]).toEqual([21, Array.from({ length: 20 }, () => 500)]);
  // Its patience is used up from now on.
  await expect(link.retryRefused(() => Promise.reject(busy()))).rejects.toThrow('not now');
  expect([waits.length, link.mayRetry()]).toEqual([20, false]);
});

test('what passes in time is done, and another failure is not asked about again', async () => {
  const { link, waits } = patient();
  const errors = [busy(), busy()];
  expect(
    await link.retryRefused(async () => {
      const error = errors.shift();
      if (error !== undefined) throw error;
      return 'done';
    }),
  ).toBe('done');
  expect(waits).toEqual([500, 500]);
  await expect(link.retryRefused(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(waits).toEqual([500, 500]);
});

test('a libvirt that has come back is retried again', async () => {
  const { link, libvirt } = patient();
  await link.open();
  await link.startUndo();
  await expect(link.retryRefused(() => Promise.reject(busy()))).rejects.toThrow('not now');
  expect(link.mayRetry()).toBe(false);
  libvirt.errors.push(new ClosedError('cut'));
  await ask(link);
  expect(link.mayRetry()).toBe(true);
});
