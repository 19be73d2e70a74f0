import type { HostVersions } from './libvirt-features.ts';

/** The libvirt and QEMU versions that virtune is tested with and a simulated host reports, paired as in Debian. */
export const TESTED_VERSIONS = {
  '9.0': { libvirt: 9_000_000, qemu: 7_002_000 },
  '11.3': { libvirt: 11_003_000, qemu: 10_000_013 },
  '12.9': { libvirt: 12_009_000, qemu: 11_001_003 },
} as const satisfies Record<string, HostVersions>;

/** By libvirt's major and minor. */
export type TestedVersion = keyof typeof TESTED_VERSIONS;
