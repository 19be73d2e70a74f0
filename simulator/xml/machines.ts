import { versionNumber } from '../../model/versions.ts';
import type { Release } from '../release.ts';

/**
 * Machine versions of QEMU: each release adds its own, and old ones are removed. `goneIn`: the first QEMU without it,
 * if known.
 */
const VERSIONS: readonly (readonly [version: string, goneIn?: string])[] = [
  ['2.12', '11.1'],
  ['3.1', '11.1'],
  ['4.2', '11.1'],
  ...['5.2', '6.2', '7.0', '7.1', '7.2', '8.0', '8.1', '8.2', '9.0', '9.1', '9.2'].map(
    (each) => [each] as const,
  ),
  ...['10.0', '10.1', '10.2', '11.0', '11.1'].map((each) => [each] as const),
];

export interface Machine {
  readonly name: string;
  readonly maxCpus: number;
}

export const EMULATOR = '/usr/bin/qemu-system-x86_64';
export const ARCH = 'x86_64';

/** Short names are aliases of the newest machine of a kind. */
const KINDS: Readonly<Record<string, string>> = { pc: 'pc-i440fx', q35: 'pc-q35' };

/** Cached by QEMU version, since every definition names a machine. */
const machines = new Map<number, readonly Machine[]>();

/** The machines of a release's QEMU, the oldest first. */
export function machinesOf({ qemu }: Release): readonly Machine[] {
  const found = machines.get(qemu) ?? machinesUpTo(qemu);
  machines.set(qemu, found);
  return found;
}

function machinesUpTo(qemu: number): Machine[] {
  const versions = VERSIONS.filter(
    ([version, goneIn]) =>
      versionNumber(version) <= qemu && (goneIn === undefined || qemu < versionNumber(goneIn)),
  );
  return versions.flatMap(([version]) => [
    { name: `pc-i440fx-${version}`, maxCpus: 255 },
    { name: `pc-q35-${version}`, maxCpus: q35CpusMax(version) },
  ]);
}

function q35CpusMax(version: string): number {
  if (versionNumber(version) >= versionNumber('9.0')) return 4_096;
  return versionNumber(version) >= versionNumber('8.1') ? 1_024 : 288;
}

/** The machine of this name or alias; by default the preferred one. Undefined if there is none. */
export function machineNamed(release: Release, name = 'pc'): Machine | undefined {
  const kind = KINDS[name];
  return kind === undefined
    ? machinesOf(release).find((machine) => machine.name === name)
    : machinesOf(release).findLast((machine) => machine.name.startsWith(`${kind}-`));
}

export const aliasOf = (release: Release, machine: Machine): string | undefined =>
  Object.keys(KINDS).find((alias) => machineNamed(release, alias)?.name === machine.name);
