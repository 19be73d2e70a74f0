import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporarySocket {
  readonly path: string;
  remove(): void;
}

export function temporarySocket(): TemporarySocket {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-test-'));
  return {
    path: join(folder, 'libvirt-sock'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
