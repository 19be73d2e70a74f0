import type { Credentials, SaslMechanism } from './mechanism.ts';

/** RFC 4616: the name and the password as they are, so only where nobody can listen. */
export function plain({ username, password }: Credentials): SaslMechanism {
  return {
    name: 'PLAIN',
    revealsPassword: true,
    done: true,
    first: () => Buffer.from(`\0${username}\0${password}`),
    answer: async () => undefined,
  };
}
