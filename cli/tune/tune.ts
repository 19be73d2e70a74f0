import { Command } from 'commander';
import { applyCommand } from './apply.ts';
import { driftCommand } from './drift.ts';
import { historyCommand } from './history.ts';
import { hugepagesCommand } from './hugepages.ts';
import { measureCommand } from './measure.ts';
import { planCommand } from './plan.ts';
import { profilesCommand } from './profiles.ts';
import { recoverCommand } from './recover.ts';
import { reportCommand } from './report.ts';
import { rollbackCommand } from './rollback.ts';
import { showCommand } from './show.ts';
import { verifyCommand } from './verify.ts';
import { watchCommand } from './watch.ts';

export function tuneCommand(): Command {
  return new Command('tune')
    .description('tune VMs with profiles: plan, apply, verify, roll back')
    .addCommand(planCommand())
    .addCommand(applyCommand())
    .addCommand(rollbackCommand())
    .addCommand(historyCommand())
    .addCommand(showCommand())
    .addCommand(reportCommand())
    .addCommand(recoverCommand())
    .addCommand(verifyCommand())
    .addCommand(driftCommand())
    .addCommand(hugepagesCommand())
    .addCommand(measureCommand())
    .addCommand(watchCommand())
    .addCommand(profilesCommand());
}
