import { Command, Option } from 'commander';
import type { AdviseFlags } from './advise/flags.ts';
import { addFleetOptions, adviseFleet, type FleetFlags } from './advise/fleet.ts';
import type { SizingFlags } from './advise/sizing.ts';
import { durationOption } from './duration-option.ts';
import { UsageError } from './usage-error.ts';

/** Options by mode: observing a live host or a recording, sizing VMs from Prometheus, planning a fleet. */
const OF_LIVE_HOSTS = ['demo', 'for', 'every', 'replay', 'profiles'] as const;
const OF_HOSTS = [...OF_LIVE_HOSTS, 'connect', 'explain', 'instance'] as const;
const OF_SERIES = ['range', 'job', 'queryTimeout', 'instance'] as const;
const OF_FLEETS = ['clusterLabel', 'constraints', 'headroom', 'virsh'] as const;

const flagOf = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** @throws UsageError for the first of these options that is given */
function refuse(names: readonly string[], isGiven: (name: string) => boolean, why: string): void {
  const found = names.find(isGiven);
  if (found !== undefined) throw new UsageError(`${flagOf(found)} ${why}`);
}

export function adviseCommand(): Command {
  const command = new Command('advise')
    .description('observe a host and report problems of its VMs, their causes and remedies; changes nothing')
    .argument('[domain...]', 'only advice that concerns these VMs: names, UUIDs or globs such as "db*"')
    .addOption(
      new Option('-c, --connect <uri>', 'libvirt URI to connect to')
        .env('LIBVIRT_DEFAULT_URI')
        .default('qemu:///system'),
    )
    .option('--demo [scenario]', 'advise on a simulated host: calm, overcommitted, noisy-neighbour, ...')
    .addOption(
      durationOption('--for', 'how long to observe', {
        minSeconds: 1,
        maxSeconds: 86_400,
        defaultSeconds: 120,
      }),
    )
    .addOption(
      durationOption('--every', 'interval between samples', {
        minSeconds: 0.1,
        maxSeconds: 3_600,
        defaultSeconds: 2,
      }),
    )
    .option('--replay <file>', 'advise on a whole recording of virtune top --record')
    .option('--explain <id>', 'only the advice with that ID or kind, with all VMs, commands and its page')
    .option('--json', 'print JSON, one line per host')
    .option('--profiles <dir...>', 'additional folders with profiles', [])
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
    .action(
      async (domains: readonly string[], flags: AdviseFlags & FleetFlags & SizingFlags, command: Command) => {
        const isGiven = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
        const isOfFleet = flags.fleet === true;
        // VIRTUNE_PROMETHEUS alone does not select this mode; an option such as --range or --instance does.
        const isOfSeries =
          isOfFleet || isGiven('prometheus') || (flags.prometheus !== undefined && OF_SERIES.some(isGiven));
        refuse(isOfFleet ? OF_HOSTS : [], isGiven, 'is for hosts, and cannot be used with --fleet');
        refuse(isOfFleet ? [] : OF_FLEETS, isGiven, 'needs --fleet, which reads series of a Prometheus');
        refuse(isOfSeries ? [] : OF_SERIES, isGiven, 'needs --prometheus, or --fleet with it');
        refuse(
          isOfSeries ? OF_LIVE_HOSTS : [],
          isGiven,
          'is for a host that is observed, and cannot be used with --prometheus',
        );
        if (isOfFleet) {
          if (domains.length > 0) throw new UsageError('--fleet advises on all VMs; name no domain');
          await adviseFleet(flags);
          return;
        }
        if (isOfSeries) {
          const { adviseSizes } = await import('./advise/sizing.ts');
          // The default is this host, which may not be the one the series belong to.
          const isDefault = command.getOptionValueSource('connect') === 'default';
          await adviseSizes(domains, { ...flags, connect: isDefault ? undefined : flags.connect });
          return;
        }
        const { runAdvise } = await import('./advise/run-advise.ts');
        await runAdvise(domains, flags, isGiven);
      },
    );
  return addFleetOptions(command);
}
