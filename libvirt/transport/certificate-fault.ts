import { X509Certificate } from 'node:crypto';

const BEGIN = /(?=-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----)/;

/**
 * What is wrong with the text of a CA file, and what to do; undefined for one or more valid PEM certificates (RFC
 * 7468). Node.js accepts any text as a CA and uses only the certificates before the first fault: each server is then
 * "not trusted", whatever its certificate.
 */
export function certificateFault(pem: string): string | undefined {
  const [, ...certificates] = ` ${pem}`.split(BEGIN);
  if (certificates.length === 0) {
    return 'contains no certificate in PEM format (-----BEGIN CERTIFICATE-----); check the path, or convert a certificate in DER format with openssl x509 -inform der';
  }
  const damaged = certificates.findIndex((text) => !isCertificate(text));
  if (damaged < 0) return undefined;
  return `contains a damaged certificate (number ${damaged + 1} of ${certificates.length}); copy the file of the CA certificate again`;
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
