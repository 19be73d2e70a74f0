import { hostname, networkInterfaces } from 'node:os';
import { answerJson } from '../../advice/advice-json.ts';
import type { Answer } from '../../advice/answer.ts';
import { reportAnswer } from '../../advice/report.ts';
import { commandUri, type Here } from '../../advice/sizing/command-uri.ts';
import { findHost } from '../../advice/sizing/read/find-host.ts';
import { readUsage } from '../../advice/sizing/read/read-usage.ts';
import { sizeAdvice } from '../../advice/sizing/sizing.ts';
import { jsonText } from '../../model/json-text.ts';
import { openPrometheus } from '../../sampler/prometheus/prometheus.ts';
import { UsageError } from '../usage-error.ts';
import { explained, matcherOf, printPage, refuseUnknownKind } from './explain.ts';
import type { FleetFlags } from './fleet.ts';

export interface SizingFlags
  extends Pick<FleetFlags, 'prometheus' | 'range' | 'job' | 'queryTimeout' | 'json'> {
  /** Host to size; by default it is selected by its label `instance`. */
  readonly connect?: string | undefined;
  readonly explain?: string;
  /** Label `instance` of the host, with or without its port. */
  readonly instance?: string | undefined;
}

const HOUR_SECONDS = 3_600;

/** Reads the past usage of a host's VMs, and prints those that are over- or undersized. */
export async function adviseSizes(domains: readonly string[], flags: SizingFlags): Promise<void> {
  refuseUnknownKind(flags.explain);
  const prometheus = openPrometheus(flags.prometheus ?? '', {
    timeoutMs: flags.queryTimeout * 1_000,
    ifSlow: 'raise --query-timeout',
  });
  const toSeconds = Math.floor(Date.now() / 1_000);
  const range = {
    job: flags.job,
    fromSeconds: toSeconds - Math.floor(flags.range / HOUR_SECONDS) * HOUR_SECONDS,
    toSeconds,
  };
  const found = await findHost(prometheus, { ...range, named: flags.instance });
  if ('choose' in found) throw new UsageError(`choose one host with --instance: ${found.choose.join(', ')}`);
  const usage = await readUsage(prometheus, { ...range, instance: found.instance });
  const matches = matcherOf(domains, usage.vms);
  const uri = flags.connect ?? commandUri(found.instance, here());
  const all = sizeAdvice(usage, uri, matches ?? (() => true));
  const answer: Answer = {
    ...all,
    advice: explained(all.advice, flags.explain),
    unknown: [...all.unknown, ...[...prometheus.warnings].map((text) => `Prometheus warns: ${text}`)],
  };
  const observed = {
    uri,
    samples: Math.max(0, ...usage.vms.map(({ cpu }) => cpu?.demand.length ?? 0)),
    fromMs: usage.fromSeconds * 1_000,
    toMs: usage.toSeconds * 1_000,
    vms: usage.vms.map(() => ({ running: true })),
  };
  if (flags.json === true) {
    process.stdout.write(`${jsonText(answerJson(found.instance, observed, answer))}\n`);
    return;
  }
  process.stdout.write(
    reportAnswer(found.instance, observed, answer, { whole: flags.explain !== undefined }),
  );
  printPage(flags.explain, answer.advice);
}

function here(): Here {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return { hostname: hostname(), addresses: new Set(addresses.map(({ address }) => address)) };
}
