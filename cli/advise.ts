import { Command } from 'commander';
import type { FleetFlags } from './advise/fleet.ts';
import { addFleetOptions, adviseFleet } from './advise/fleet.ts';
import { UsageError } from './usage-error.ts';

export function adviseCommand(): Command {
  const command = new Command('advise')
    .description('say what would help hosts and VMs; changes nothing')
    .option('--json', 'print JSON')
    .action(async (flags: FleetFlags) => {
      if (flags.fleet !== true) throw new UsageError('advise needs --fleet');
      await adviseFleet(flags);
    });
  return addFleetOptions(command);
}
