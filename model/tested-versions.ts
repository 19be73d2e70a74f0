import type { HostVersions } from './libvirt-features.ts';

/** What virtune is tested on and a simulated host poses as: libvirt with the QEMU beside it, as Debian has them. */
export const TESTED_VERSIONS = {
  '9.0': { libvirt: 9_000_000, qemu: 7_002_000 },
  '11.3': { libvirt: 11_003_000, qemu: 10_000_013 },
  '12.9': { libvirt: 12_009_000, qemu: 11_001_003 },
} as const satisfies Record<string, HostVersions>;

/** By libvirt's major and minor. */
export type TestedVersion = keyof typeof TESTED_VERSIONS;
