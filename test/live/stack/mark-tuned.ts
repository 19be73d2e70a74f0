import { connect } from '../../../libvirt/client/connect.ts';
import { Impact, MetadataType } from '../../../libvirt/constants.ts';
import { MARK_NAMESPACE } from '../../../model/domain/tuned-mark.ts';
import { type DomainDrift, driftRecordText, type RecordedEffect } from '../../../model/drift-record.ts';
import type { SimulatedDaemon } from '../../../simulator/daemon.ts';

const SETTINGS = { waits: 0, definition: 0, unsupported: 0 };
const VIOLATIONS = { refuse: 0, warn: 0 };

/** A tuned VM, and whether a check found that it has changed since. */
export interface TunedVm {
  readonly name: string;
  readonly isDrifted: boolean;
}

/** Marks VMs as `virtune tune apply` does; returns the file that `virtune tune drift --record` writes. */
export async function markTuned(uri: string, { daemon, hostname, vms, atMs }: MarkedHost): Promise<string> {
  const writer = await connect(uri, { readOnly: false });
  const at = new Date(atMs).toISOString();
  for (const { name } of vms) {
    await writer.call('domainSetMetadata', {
      domain: daemon.vm(name).domain,
      type: MetadataType.element,
      metadata: `<tuned profile='oltp-database' version='3' at='${at}' id='T1'/>`,
      key: 'virtune',
      uri: MARK_NAMESPACE,
      flags: Impact.live,
    });
  }
  await writer.close();
  const domains = new Map(
    vms.map(({ name, isDrifted }): [string, DomainDrift] => [
      daemon.vm(name).uuid,
      {
        checkedAtMs: atMs,
        isDrifted,
        settings: { ...SETTINGS, held: isDrifted ? 18 : 19, run: Number(isDrifted) },
        violations: VIOLATIONS,
      },
    ]),
  );
  const effects = new Map(vms.map(({ name }) => [daemon.vm(name).uuid, effectAt(atMs)]));
  return driftRecordText({ hostname, domains, effects });
}

/** The recorded effect of an experiment. */
const effectAt = (measuredAtMs: number): RecordedEffect => ({
  figure: 'libvirt_domain_cpu_steal_ratio',
  verdict: 'better',
  isKept: true,
  measuredAtMs,
  ratio: 0.6,
  low: 0.5,
  high: 0.7,
});

export interface MarkedHost {
  readonly daemon: SimulatedDaemon;
  readonly hostname: string;
  readonly vms: readonly TunedVm[];
  /** When the profile was applied and checked, ms since 1970. */
  readonly atMs: number;
}
