import { resourceFromAttributes } from '@opentelemetry/resources';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import { ContentionTracker } from '../../sampler/contention-tracker.ts';
import { inTurns } from '../../sampler/event-loop.ts';
import type { HostIdentity, HostSample, SamplerHealth } from '../../sampler/host-sample.ts';
import { hostIdOf } from '../sampling/host-id.ts';
import { familiesOf, healthFamilies } from '../series/families.ts';
import type { Family, FamilyMetric } from '../series/family.ts';
import { labelAll } from '../series/subjects.ts';
import { ATTRIBUTES, type PointLabels } from './attributes.ts';
import type { StartOf } from './metrics.ts';
import { type OtlpRequest, requestsOf } from './requests.ts';
import { StartTimes } from './start-times.ts';

export interface HostRequestsOptions {
  /**
   * The host's name in the configuration, since two libvirts may report the same host name. Absent for the local host.
   */
  readonly name?: string | undefined;
  /** Instead of the UUID that libvirt reports. */
  readonly hostId?: string | undefined;
  readonly groups: ReadonlySet<GroupName>;
  readonly version: string;
  /** Further attributes of the resource. */
  readonly resourceAttributes: Readonly<Record<string, string>>;
  readonly maxBytes: number;
}

/** State that is not part of a sample. */
export interface HostState {
  readonly health: SamplerHealth;
  readonly inMaintenance: boolean;
}

/** Subjects whose counters start with the VM's QEMU process; others, such as events, start with virtune. */
const SINCE_VM_START: ReadonlySet<string> = new Set([
  'summary',
  'domain',
  'vcpu',
  'block',
  'net',
  'ioThread',
  'local',
]);

/** Turns samples of one host into export requests: one resource per host, VMs and devices as point attributes. */
export class HostRequests {
  readonly #options: HostRequestsOptions;
  readonly #starts = new StartTimes();
  readonly #contention = new ContentionTracker();

  constructor(options: HostRequestsOptions) {
    this.#options = options;
  }

  /** Yields nothing while the host is not identified. @param atMs when the sample was due */
  async *of(sample: HostSample, state: HostState, atMs: number): AsyncGenerator<OtlpRequest> {
    const startedMs = new Map(
      sample.domains.map(({ domain, startedAtMs }) => [domain.name, startedAtMs] as const),
    );
    const { groups } = this.#options;
    const complete = this.#withContention(sample);
    const subjects = await inTurns(labelAll(complete, groups, ATTRIBUTES, false));
    const families = [
      familiesOf(complete, { subjects, format: ATTRIBUTES, enabled: groups }),
      healthFamilies(state.health, true, ATTRIBUTES, state.inMaintenance),
    ];
    yield* this.#requests(chain(families), sample.identity, atMs, startedMs);
    this.#starts.sweep(atMs);
  }

  /** For a tick in which the host could not be sampled: `libvirt_up` 0, and the state of the connection. */
  async *ofFailure(
    state: HostState,
    atMs: number,
    identity: HostIdentity | undefined,
  ): AsyncGenerator<OtlpRequest> {
    const families = healthFamilies(state.health, false, ATTRIBUTES, state.inMaintenance);
    yield* this.#requests(families, identity, atMs, new Map());
  }

  /** The sample's own contention covers the time since any reader's last sample, such as a recent scrape. */
  #withContention(sample: HostSample): HostSample {
    const contention = this.#contention.next(sample);
    return sample.contention === undefined ? sample : { ...sample, contention };
  }

  async *#requests(
    families: Iterable<Family<PointLabels>>,
    identity: HostIdentity | undefined,
    atMs: number,
    startedMs: ReadonlyMap<string, number | undefined>,
  ): AsyncGenerator<OtlpRequest> {
    const attributes = this.#resource(identity);
    if (attributes === undefined) return;
    const { version, maxBytes } = this.#options;
    yield* requestsOf(families, {
      resource: resourceFromAttributes(attributes),
      version,
      atMs,
      maxBytes,
      startOf: (metric) => this.#startOf(metric, atMs, startedMs),
    });
  }

  /**
   * https://opentelemetry.io/docs/specs/semconv/resource/: `service.instance.id` is the host's name in the
   * configuration, like `instance` of a scrape, or else the name that libvirt reports: Prometheus turns it into
   * `instance`, which people read.
   */
  #resource(identity: HostIdentity | undefined): Record<string, string> | undefined {
    const { version, resourceAttributes, name: instance, hostId } = this.#options;
    const id = hostIdOf(hostId, identity);
    if (id === undefined) return undefined;
    const name = identity?.hostname ?? id;
    return {
      'service.name': 'virtune',
      ...resourceAttributes,
      'service.version': version,
      'service.instance.id': instance ?? name,
      'host.id': id,
      'host.name': name,
    };
  }

  #startOf(
    { name, per }: FamilyMetric,
    atMs: number,
    startedMs: ReadonlyMap<string, number | undefined>,
  ): StartOf {
    const isOfVm = SINCE_VM_START.has(per);
    return ({ key, attributes }, value) =>
      this.#starts.startOf(
        `${name} ${key}`,
        atMs,
        value,
        isOfVm ? startedMs.get(attributes['domain'] ?? '') : undefined,
      );
  }
}

function* chain<T>(all: readonly Iterable<T>[]): Generator<T> {
  for (const each of all) yield* each;
}
