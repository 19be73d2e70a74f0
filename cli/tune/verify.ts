import { Command } from 'commander';
import { connect } from '../../libvirt/client/connect.ts';
import { jsonText } from '../../model/json-text.ts';
import { linked } from '../../tuner/apply/host-session.ts';
import { driftOf, needsAttention } from '../../tuner/drift/drift.ts';
import { driftJson, reportDrift } from '../../tuner/drift/report.ts';
import { describeVerification, type Verification, verifyRunning } from '../../tuner/drift/verify.ts';
import { describeStep } from '../../tuner/steps/describe.ts';
import { ExitCode } from '../exit-codes.ts';
import { log } from '../log.ts';
import { addTuneOptions, connectTimeoutMs, type TuneFlags } from './options.ts';
import { NO_RESTART, runOptions } from './run-options.ts';
import { withSession } from './session.ts';
import { readTuned } from './tuned.ts';

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('check tuned domains against their profiles: in XML, in effect, and on the host')
    .argument('[domain...]', 'names, UUIDs or globs (default: all tuned domains)')
    .action(async (patterns: string[], flags: TuneFlags) => {
      const { host, domains, withoutProfile } = await withSession(flags, { readOnly: true }, (session) =>
        readTuned(session, patterns),
      );
      const options = {
        ...runOptions({ ...flags, ...NO_RESTART }, new AbortController().signal),
        open: (uri: string) => connect(uri, { readOnly: true, timeoutMs: connectTimeoutMs(flags) }),
      };
      const proofs = await linked(
        { uri: host.uri, hostname: host.hostname, domains: [] },
        options,
        async (link) => {
          const all: Verification[] = [];
          for (const domain of domains) all.push(...(await verifyRunning(link, domain)));
          return all;
        },
      );
      const drifts = domains.map(driftOf);
      if (flags.json === true) {
        const document = { format: 1, drift: driftJson(drifts), proofs: proofs.map(verificationJson) };
        process.stdout.write(`${jsonText(document, 2)}\n`);
      } else {
        process.stdout.write(`${reportDrift(drifts)}\n`);
        for (const line of proofs.flatMap(describeVerification)) log(`  ${line}`);
      }
      const wrong =
        withoutProfile.length > 0 ||
        drifts.some(needsAttention) ||
        proofs.some(({ differs }) => differs !== undefined);
      if (wrong) process.exitCode = ExitCode.drift;
    });
  return addTuneOptions(command);
}

function verificationJson({ step, seen, differs }: Verification): object {
  return { kind: step.kind, what: describeStep(step), seen, differs: differs ?? null };
}
