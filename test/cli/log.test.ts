import { expect, test } from 'vitest';
import { errorText } from '../../cli/log.ts';
import { ConnectError } from '../../libvirt/errors.ts';
import { ConfigError } from '../../model/config-error.ts';

const refused = new ConnectError('LIBVIRT_REFUSED', 'nothing listens');
const system = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });

test.each([
  [new ConfigError('v.yml:2: no'), 'v.yml:2: no [CONFIG]'],
  [new Error('kvm1: nothing listens', { cause: refused }), 'kvm1: nothing listens [LIBVIRT_REFUSED]'],
  [new Error('a', { cause: new Error('b', { cause: refused }) }), 'a [LIBVIRT_REFUSED]'],
  // The code of the error itself, not of its cause.
  [new ConfigError('v.yml: no', { cause: refused }), 'v.yml: no [CONFIG]'],
  // Not one of virtune's codes.
  [system, 'ENOENT: no such file'],
  [new Error('a bug', { cause: 'text' }), 'a bug'],
])('%s is logged with its code', (error, text) => {
  expect(errorText(error)).toBe(text);
});
