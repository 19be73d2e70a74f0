import { Command } from 'commander';
import { applyCommand } from './apply.ts';
import { driftCommand } from './drift.ts';
import { planCommand } from './plan.ts';
import { profilesCommand } from './profiles.ts';
import { verifyCommand } from './verify.ts';
import { watchCommand } from './watch.ts';

export function tuneCommand(): Command {
  return new Command('tune')
    .description("fit a host's VMs to profiles: planned, applied, proved and undone")
    .addCommand(planCommand())
    .addCommand(applyCommand())
    .addCommand(verifyCommand())
    .addCommand(driftCommand())
    .addCommand(watchCommand())
    .addCommand(profilesCommand());
}
