import { expect, test } from 'vitest';
import { CallAbandonedError, ClosedError, RemoteError } from '../../libvirt/errors.ts';
import { readCpuShares } from '../../sampler/cpu-shares.ts';
import { fakeConnection } from './fake-connection.ts';

const domains = ['hung', 'ended', 'db', 'off'].map((name, index) => {
  return { name, uuid: `uuid-${name}`, id: name === 'off' ? -1 : index };
});

/** Reads shares: db has some, and the call for `hung` fails with this error. */
const read = (error: Error): ReturnType<typeof readCpuShares> =>
  readCpuShares(
    fakeConnection({
      domainGetSchedulerParametersFlags: ({ domain }) => {
        if (domain.name === 'hung') throw error;
        if (domain.name === 'ended') throw new RemoteError('x', 42, 0, 'domain is not running');
        return { params: [{ field: 'cpu_shares', value: 512n }], nparams: 1 };
      },
    }).connection,
    domains,
  );

test('a VM that does not answer, has ended or is off has no shares, and the others have theirs', async () => {
  const error = new CallAbandonedError('LIBVIRT_CALL_TIMEOUT', 'no answer within 2 s', Promise.resolve());
  expect([...(await read(error))]).toEqual([['uuid-db', 512]]);
});

test('a lost connection while shares are read is an error', async () => {
  await expect(read(new ClosedError('libvirtd has closed the connection'))).rejects.toThrow(ClosedError);
});
