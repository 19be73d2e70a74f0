import { Command } from 'commander';
import { dropCommand } from './dead-letters/drop.ts';
import { listCommand } from './dead-letters/list.ts';
import { resendCommand } from './dead-letters/resend.ts';

/** `virtune elasticsearch dead-letters`: documents that the server rejected. The exporter may run at the same time. */
export function deadLettersCommand(): Command {
  return new Command('dead-letters')
    .description('list, send again or delete documents that the server rejected; the exporter may run')
    .addCommand(listCommand())
    .addCommand(resendCommand())
    .addCommand(dropCommand());
}
