import { Command } from 'commander';
import { jsonText } from '../../model/json-text.ts';
import { applyTransaction } from '../../tuner/apply/apply.ts';
import type { PlanBasis } from '../../tuner/apply/plan-basis.ts';
import { TunerError } from '../../tuner/errors.ts';
import { type HostFacts, memoryCellsOn } from '../../tuner/facts/facts.ts';
import { type Growth, growthOf } from '../../tuner/hugepages/growth.ts';
import { type PageInventory, pageInventory } from '../../tuner/hugepages/page-inventory.ts';
import { permanenceOf, reportPermanence } from '../../tuner/hugepages/permanent.ts';
import { pageInventoryJson, problemText, reportGrowth, reportPages } from '../../tuner/hugepages/report.ts';
import { newTransactionId } from '../../tuner/journal/journal.ts';
import { ExitCode } from '../exit-codes.ts';
import { log } from '../log.ts';
import { stopSignal } from '../signals.ts';
import { agreed } from './agreed.ts';
import { commandLine } from './command-line.ts';
import { offerRecovery } from './offer-recovery.ts';
import { addRunOptions, addTuneOptions } from './options.ts';
import { printOutcome, printUnchanged, show } from './outcome.ts';
import { type RunFlags, runOptions } from './run-options.ts';
import { withSession } from './session.ts';

interface Flags extends RunFlags {
  readonly allocate?: boolean | undefined;
  readonly yes?: boolean | undefined;
}

interface Found {
  readonly host: HostFacts;
  readonly inventory: PageInventory;
  readonly growth: Growth;
  readonly basis: PlanBasis;
}

export function hugepagesCommand(): Command {
  const command = new Command('hugepages')
    .description('show huge pages by cell and VM, and VMs that will lack them at their next boot')
    .option('--allocate', 'grow the pools to what all VMs need at their next boot')
    .option('-y, --yes', 'do not prompt')
    .action(async (flags: Flags) => {
      const found = await look(flags);
      if (flags.allocate === true) await allocate(found, flags);
      else report(found, flags.json === true);
    });
  return addRunOptions(addTuneOptions(command));
}

function look(flags: Flags): Promise<Found> {
  return withSession(flags, { readOnly: true }, async ({ host, domains, basis }) => {
    const inventory = pageInventory(host.cells, domains, host.local?.defaultPageKiB, memoryCellsOn(host));
    return { host, inventory, growth: growthOf(inventory, host.cells), basis };
  });
}

function report({ host, inventory, growth }: Found, json: boolean): void {
  const permanent = permanenceOf(poolsAfter(inventory, growth), host.local?.defaultPageKiB);
  const lines = json
    ? [jsonText(pageInventoryJson(host.hostname, inventory, growth, permanent), 2)]
    : [
        ...reportPages(inventory),
        ...(growth.steps.length === 0
          ? []
          : ['virtune tune hugepages --allocate would make', ...indent(reportGrowth(growth, inventory))]),
        ...(permanent === undefined ? [] : ['', ...reportPermanence(permanent)]),
      ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function allocate({ host, inventory, growth, basis }: Found, flags: Flags): Promise<void> {
  if (growth.problems.length > 0) {
    throw new TunerError(
      'TUNE_PLACEMENT',
      `nothing was changed:\n${growth.problems.map(problemText).join('\n')}`,
    );
  }
  if (growth.steps.length === 0) {
    const why = 'enough huge pages for the next boot of every defined domain; nothing to change';
    printUnchanged(why, flags.json === true);
    return;
  }
  show([...reportPages(inventory), ...reportGrowth(growth, inventory)].join('\n'), flags.json === true);
  if (flags.yes !== true && !(await agreed('Make these pools larger?'))) {
    log('virtune: nothing was changed');
    process.exitCode = ExitCode.notConfirmed;
    return;
  }
  const signal = stopSignal();
  await offerRecovery(flags, signal);
  const outcome = await applyTransaction(
    {
      id: newTransactionId(new Date()),
      uri: host.uri,
      hostname: host.hostname,
      command: commandLine(),
      domains: [],
      steps: growth.steps,
      basis,
      notes: [
        'the pools keep this size until the host reboots; virtune tune hugepages shows how to make it permanent',
      ],
    },
    runOptions(flags, signal),
  );
  process.exitCode = printOutcome(outcome, flags.json === true);
}

/** The pools after the planned growth; unchanged without steps. */
function poolsAfter(
  { pools }: PageInventory,
  { steps }: Growth,
): { cell: number; sizeKiB: number; count: number }[] {
  return pools.map(({ cell, sizeKiB, total }) => {
    const step = steps.find((each) => each.cell === cell && each.sizeKiB === sizeKiB);
    return { cell, sizeKiB, count: step?.to ?? total };
  });
}

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
