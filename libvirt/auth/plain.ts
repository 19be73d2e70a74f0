import type { Credentials, SaslMechanism } from './mechanism.ts';

/** RFC 4616: sends name and password as plain text, so only for a confidential transport. */
export function plain({ username, password }: Credentials): SaslMechanism {
  return {
    name: 'PLAIN',
    revealsPassword: true,
    done: true,
    first: () => Buffer.from(`\0${username}\0${password}`),
    answer: async () => undefined,
  };
}
