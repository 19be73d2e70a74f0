/** What the simulated QEMU 7.2 emulates: every machine that Debian's package lists for x86_64, as far as anyone uses it. */
const VERSIONS = ['2.12', '3.1', '4.2', '5.2', '6.2', '7.0', '7.1', '7.2'];

export interface Machine {
  readonly name: string;
  readonly maxCpus: number;
}

export const EMULATOR = '/usr/bin/qemu-system-x86_64';
export const ARCH = 'x86_64';

/** Their short names stand for the newest of a kind. */
const ALIASES: Readonly<Record<string, string>> = { pc: 'pc-i440fx-7.2', q35: 'pc-q35-7.2' };

export const MACHINES: readonly Machine[] = VERSIONS.flatMap((version) => [
  { name: `pc-i440fx-${version}`, maxCpus: 255 },
  { name: `pc-q35-${version}`, maxCpus: 288 },
]);

/** The machine of this name or alias; the first choice where none is named. Undefined: there is none. */
export function machineNamed(name = 'pc'): Machine | undefined {
  const canonical = ALIASES[name] ?? name;
  return MACHINES.find((machine) => machine.name === canonical);
}

export const aliasOf = (machine: Machine): string | undefined =>
  Object.entries(ALIASES).find(([, name]) => name === machine.name)?.[0];
