import { createSecureContext } from 'node:tls';
import { z } from 'zod';

/**
 * The cipher suites of exporter-toolkit, which are those of Go's tls.CipherSuites()
 * (https://pkg.go.dev/crypto/tls#CipherSuites; it had RSA key exchange and 3DES until Go 1.22), mapped to OpenSSL's
 * names (https://docs.openssl.org/3.5/man1/openssl-ciphers/#cipher-suite-names).
 */
export const CIPHER_SUITES = {
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA: 'ECDHE-RSA-DES-CBC3-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_RSA_WITH_3DES_EDE_CBC_SHA: 'DES-CBC3-SHA',
} as const;

export type CipherSuite = keyof typeof CIPHER_SUITES;

/**
 * A name of the toolkit that this OpenSSL offers. Checked one by one: in a list with at least one valid suite, OpenSSL
 * silently ignores the others.
 */
export const cipherSuite = z
  .enum(Object.keys(CIPHER_SUITES) as [CipherSuite, ...CipherSuite[]], {
    error: ({ input }) =>
      `unknown cipher suite ${JSON.stringify(input)}; use a name of https://pkg.go.dev/crypto/tls#CipherSuites`,
  })
  .refine((name) => isOffered(CIPHER_SUITES[name]), {
    error: ({ input }) =>
      `OpenSSL ${process.versions.openssl} of this Node.js does not offer ${input}; remove it from the list`,
  });

/** Few builds of OpenSSL include 3DES. */
function isOffered(ciphers: string): boolean {
  try {
    createSecureContext({ ciphers });
    return true;
  } catch {
    return false;
  }
}
