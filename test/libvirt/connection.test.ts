import { expect, test } from 'vitest';
import { Connection } from '../../libvirt/client/connection.ts';
import { ClosedError } from '../../libvirt/errors.ts';
import { FakeTransport } from './fake-transport.ts';

test('a listener for the end is called, also if the connection has ended already', async () => {
  const connection = new Connection(new FakeTransport(), { readOnly: true });
  const heard: Error[] = [];
  connection.onClose((reason) => heard.push(reason));
  const reason = new ClosedError('gone');
  connection.abort(reason);
  connection.onClose((late) => heard.push(late));
  await Promise.resolve();
  expect(heard).toEqual([reason, reason]);
});
