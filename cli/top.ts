import { Command, InvalidArgumentError, Option } from 'commander';
import { seconds } from './seconds.ts';
import type { TopFlags } from './top/flags.ts';

/** The delay below which a host is only kept busy. */
const DELAY_MIN_S = 0.1;

export function topCommand(): Command {
  return new Command('top')
    .description('watch the VMs of one or several hosts live, as htop does processes')
    .addOption(
      new Option(
        '-c, --connect <uri>',
        'libvirt to ask, once for each host (default: qemu:///system)',
      ).argParser(appended),
    )
    .option('--demo [scenario]', 'watch a simulated host: calm, overcommitted, noisy-neighbour, ...')
    .option('--vms <count>', 'with --demo: as many VMs as this', wholeNumber)
    .option('-d, --delay <seconds>', 'time between two samples', delay)
    .option('-n, --iterations <count>', 'end after so many samples', wholeNumber)
    .option('-b, --batch', 'print tables instead of a screen; so it does where stdout is no terminal')
    .option('--once', 'print one table and end')
    .option('--json', 'print JSON, a line for each sample')
    .option('--csv', 'print CSV, a line for each VM and sample')
    .option('-s, --sort <column>', 'sort by a column; COLUMN:asc for the other way round')
    .option('-f, --filter <text>', "show only some VMs: 'web|db', '!idle', 'steal>5', 'state=paused'")
    .option('--view <name>', 'begin with vms, cpus, nics, disks, numa, host or findings')
    .addOption(
      new Option(
        '--fail-on <threshold>',
        "end with exit code 1 when a VM is over it: 'delay>10%'; once for each threshold",
      ).argParser(appended),
    )
    .option('--record <file>', 'record what is sampled')
    .option('--replay <file>', 'watch a recording instead of a host')
    .option('--also <group...>', 'ask for more groups of figures: numa, cgroup, threads, kvm, ...')
    .option('--requests', 'begin with requests and packets instead of bytes')
    .option('--theme <name>', 'dark, light, colour-blind or mono')
    .option('--no-color', 'no colours; so does NO_COLOR')
    .option('--ascii', 'ASCII alone')
    .option('--no-mouse', "leave the mouse to the terminal's own selection")
    .option('--no-config', 'do not read the settings that W saved')
    .option('--sasl-username <name>', 'for a libvirt that wants SASL')
    .option('--sasl-password-file <file>', 'file whose first line is the password')
    .option('--domain-deadline <seconds>', 'how long one VM may take to answer', seconds, 2)
    .option('--local', "read the host's own /proc as well (the default when the URI is a local socket)")
    .option('--no-local', 'ask libvirt alone')
    .option('--path.procfs <dir>', "where the host's /proc is mounted", '/proc')
    .action(async (flags: TopFlags) => {
      const { runTop } = await import('./top/run-top.ts');
      process.exitCode = await runTop(flags);
    });
}

function appended(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000_000_000) {
    throw new InvalidArgumentError('Expected a whole number from 1.');
  }
  return value;
}

function delay(text: string): number {
  const value = seconds(text);
  if (value < DELAY_MIN_S) throw new InvalidArgumentError(`Expected at least ${DELAY_MIN_S} seconds.`);
  return value;
}
