import { sizeText } from '../settings/values.ts';

/** Pages of one size that a cell should have from host boot on. */
export interface KeptPool {
  readonly cell: number;
  readonly sizeKiB: number;
  readonly count: number;
}

export interface Permanence {
  /** For the kernel's command line: the only reliable way for pages of 1 GiB. */
  readonly kernel: string;
  /** For a file in /etc/sysctl.d; undefined if sysctl cannot express it. */
  readonly sysctl: string | undefined;
  /** A systemd unit that sets the pools before libvirt starts. */
  readonly unit: string;
}

const PREFIX = ['K', 'M', 'G'];

/** `2M`: the kernel's format. */
function kernelSize(sizeKiB: number): string {
  let [count, power] = [sizeKiB, 0];
  while (count % 1_024 === 0 && power < PREFIX.length - 1) {
    count /= 1_024;
    power++;
  }
  return `${count}${PREFIX[power]}`;
}

/**
 * How to make pools survive a reboot of the host; undefined if there are none. Counts by cell need Linux 5.16 or later
 * (Documentation/admin-guide/kernel-parameters.txt, hugepages=).
 */
export function permanenceOf(
  pools: readonly KeptPool[],
  defaultPageKiB: number | undefined,
): Permanence | undefined {
  const kept = pools.filter(({ count }) => count > 0);
  if (kept.length === 0) return undefined;
  const sizes = [...new Set(kept.map(({ sizeKiB }) => sizeKiB))].sort((a, b) => a - b);
  const kernel = sizes
    .map((sizeKiB) => {
      const counts = kept.filter((pool) => pool.sizeKiB === sizeKiB);
      return `hugepagesz=${kernelSize(sizeKiB)} hugepages=${counts.map(({ cell, count }) => `${cell}:${count}`).join(',')}`;
    })
    .join(' ');
  return { kernel, sysctl: sysctlOf(pools, kept, defaultPageKiB), unit: unitOf(kept) };
}

/** sysctl only supports the default page size, and spreads pages evenly over all cells. */
function sysctlOf(
  pools: readonly KeptPool[],
  kept: readonly KeptPool[],
  defaultPageKiB: number | undefined,
): string | undefined {
  const usual = pools.filter(({ sizeKiB }) => sizeKiB === defaultPageKiB);
  const alike = usual.every(({ count }) => count === usual[0]?.count);
  if (!alike || kept.some(({ sizeKiB }) => sizeKiB !== defaultPageKiB)) return undefined;
  return `vm.nr_hugepages = ${usual.reduce((sum, { count }) => sum + count, 0)}`;
}

function unitOf(kept: readonly KeptPool[]): string {
  const lines = kept.map(
    ({ cell, sizeKiB, count }) =>
      `ExecStart=/bin/sh -c 'echo ${count} >/sys/devices/system/node/node${cell}/hugepages/hugepages-${sizeKiB}kB/nr_hugepages'`,
  );
  return [
    '[Unit]',
    'Description=Hugepages for virtual machines',
    'DefaultDependencies=no',
    'Before=sysinit.target libvirtd.service virtqemud.service',
    '[Service]',
    'Type=oneshot',
    ...lines,
    '[Install]',
    'WantedBy=sysinit.target',
  ].join('\n');
}

/** As text, for display below the inventory. */
export function reportPermanence({ kernel, sysctl, unit }: Permanence): string[] {
  return [
    'To keep these pools after a reboot of the host, use one of:',
    `- on the kernel command line (the only reliable way for pages of ${sizeText(1_048_576)}): ${kernel}`,
    ...(sysctl === undefined ? [] : [`- in /etc/sysctl.d/50-virtune-hugepages.conf: ${sysctl}`]),
    '- in /etc/systemd/system/virtune-hugepages.service, then systemctl enable virtune-hugepages:',
    ...unit.split('\n').map((line) => `    ${line}`),
  ];
}
