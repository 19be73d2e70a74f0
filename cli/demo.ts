import { Command, InvalidArgumentError, Option } from 'commander';
import { shellLine } from '../model/shell-command.ts';
import { RELEASE_NAMES, type ReleaseName } from '../simulator/release.ts';
import { log } from './log.ts';
import { untilAskedToStop } from './signals.ts';

const VMS_MAX = 10_000;

interface DemoFlags {
  readonly scenario: string;
  readonly vms?: number;
  readonly libvirt: ReleaseName;
  readonly listen: string;
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('serve metrics of a simulated KVM host; needs no libvirt')
    .option(
      '-s, --scenario <name>',
      'calm, overcommitted, noisy-neighbour, numa-split-database, io-storm, memory-pressure, untuned, or a JSON file',
      'calm',
    )
    .option('-n, --vms <count>', 'number of VMs', vmCount)
    .addOption(
      new Option('--libvirt <version>', 'libvirt to simulate, with the statistics, calls and XML that it has')
        .choices(RELEASE_NAMES)
        .default('9.0'),
    )
    .option('-l, --listen <host:port>', 'address to serve /metrics on', '127.0.0.1:9177')
    .action(async (flags: DemoFlags) => {
      const [{ startDemo }, { runExporter }] = await Promise.all([
        import('../simulator/demo.ts'),
        import('./run-exporter.ts'),
      ]);
      const demo = await startDemo({ scenario: flags.scenario, vms: flags.vms, libvirt: flags.libvirt });
      try {
        const exporter = await runExporter({ uri: demo.uri, listen: flags.listen });
        log(
          `virtune demo: scenario ${demo.scenario.name}, ${demo.scenario.vms.length} VMs. ${demo.scenario.description}`,
        );
        log(`virtune demo: simulated libvirt ${flags.libvirt} at ${demo.uri}`);
        log(`virtune demo: for advice, run ${shellLine(['virtune', 'advise', '-c', demo.uri])}`);
        const stopping = untilAskedToStop();
        log(`virtune demo: metrics at ${exporter.url}/metrics, Ctrl-C to stop`);
        await stopping;
        await exporter.close();
      } finally {
        await demo.stop();
      }
    });
}

function vmCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > VMS_MAX) {
    throw new InvalidArgumentError(`Expected a whole number from 1 to ${VMS_MAX}.`);
  }
  return count;
}
