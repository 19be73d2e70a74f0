import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'corpus');

/**
 * A domain for each kind of element that libvirt 12.9 documents (formatdomain.html), small, and valid by its schema
 * (domain.rng). CXL has no elements there: its memory is a guest cell without CPUs, behind a pcie-expander-bus.
 */
export const corpus: readonly { readonly kind: string; readonly xml: string }[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.xml'))
  .map((file) => ({ kind: file.replace('.xml', ''), xml: readFileSync(join(FOLDER, file), 'utf8') }));
