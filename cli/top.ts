import { Command, InvalidArgumentError, Option } from 'commander';
import { durationOption } from './duration-option.ts';
import type { TopFlags } from './top/flags.ts';

/** Shorter delays only load the host. */
const DELAY_MIN_SECONDS = 0.1;

export function topCommand(): Command {
  return new Command('top')
    .description('live performance of the VMs on one or more hosts')
    .addOption(
      new Option(
        '-c, --connect <uri>',
        'libvirt URI; repeat for several hosts (default: qemu:///system)',
      ).argParser(appended),
    )
    .option('--demo [scenario]', 'watch a simulated host: calm, overcommitted, noisy-neighbour, ...')
    .option('--vms <count>', 'with --demo: number of VMs', wholeNumber)
    .addOption(
      durationOption('-d, --delay', 'interval between samples', {
        minSeconds: DELAY_MIN_SECONDS,
        maxSeconds: 3_600,
      }),
    )
    .option('-n, --iterations <count>', 'exit after this many samples', wholeNumber)
    .option('-b, --batch', 'print tables instead of a screen (default if stdout is not a terminal)')
    .option('--once', 'print one table and exit')
    .option('--json', 'print JSON, one line per sample')
    .option('--csv', 'print CSV, one line per VM and sample')
    .option('-s, --sort <column>', 'sort by a column; COLUMN:asc for ascending order')
    .option('-f, --filter <text>', "show only some VMs: 'web|db', '!idle', 'steal>5', 'state=paused'")
    .option('--view <name>', 'start with view vms, cpus, nics, disks, numa, host or findings')
    .addOption(
      new Option(
        '--fail-on <threshold>',
        "exit with code 1 if a VM exceeds it, such as 'steal>10%'; repeatable",
      ).argParser(appended),
    )
    .option('--record <file>', 'record samples to a file')
    .option('--replay <file>', 'play a recording instead of connecting to a host')
    .option('--also <group...>', 'enable more metric groups: numa, cgroup, threads, kvm, ...')
    .option('--requests', 'start with requests and packets instead of bytes')
    .option('--theme <name>', 'dark, light, colour-blind or mono')
    .option('--no-color', 'no colours (also with NO_COLOR set)')
    .option('--ascii', 'ASCII characters only')
    .option('--no-mouse', 'disable mouse support')
    .option('--no-config', 'ignore saved settings')
    .option('--sasl-username <name>', 'user name for SASL authentication')
    .option('--sasl-password-file <file>', 'file whose first line is the password')
    .addOption(
      durationOption('--domain-deadline', 'after this time without an answer a VM is checked for a hang', {
        minSeconds: 0.001,
        maxSeconds: 3_600,
        defaultSeconds: 2,
      }),
    )
    .option('--local', 'also read /proc of the host (default for a local URI)')
    .option('--no-local', 'use libvirt only')
    .option('--path.procfs <dir>', "mount point of the host's /proc", '/proc')
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
