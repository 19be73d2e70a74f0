import type { ManagedConnection } from '../libvirt/client/managed.ts';
import { ListFlag } from '../libvirt/constants.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { PartStatus } from '../model/host.ts';
import type { DomainMarks } from '../model/summary.ts';
import type { Background, BackgroundRead } from './background-read.ts';
import type { AskHost } from './host/host-connections.ts';

/** Autostart is changed by users, and no event reports it. */
const REFRESH_MS = 30_000;
/** Marks change slowly; lists older than this are no longer shown. */
const MAX_AGE_MS = 300_000;

/** Undefined for a domain that did not exist when the lists were requested. */
type MarksOf = (uuid: string) => DomainMarks | undefined;

/** Marks of each domain from filters of the domain list: one list per mark for the whole host. */
export class Marks {
  readonly #read: BackgroundRead<MarksOf>;
  /** UUIDs of the domains of this tick. */
  #present: ReadonlySet<string> = new Set();

  constructor(options: {
    readonly ask: AskHost;
    readonly background: Background;
    readonly steadyMs: () => number;
    /** Called with each new answer, before those waiting for it continue. */
    readonly onAnswer: () => void;
  }) {
    this.#read = options.background.add({
      read: () => readMarks(options.ask, this.#present),
      refreshMs: REFRESH_MS,
      maxAgeMs: MAX_AGE_MS,
      steadyMs: options.steadyMs,
      onAnswer: options.onAnswer,
    });
  }

  /** Any lifecycle event may change a domain's marks. */
  watch(control: ManagedConnection): void {
    control.on('lifecycle', () => this.#read.expire());
  }

  startTick(domains: readonly Domain[]): void {
    this.#present = new Set(domains.map(({ uuid }) => uuid));
    if (domains.some((domain) => this.of(domain) === undefined)) this.#read.expire();
    this.#read.start();
  }

  /** Undefined, not false, for a domain that the newest lists did not have yet. */
  of({ uuid }: Domain): DomainMarks | undefined {
    return this.#read.value?.(uuid);
  }

  get status(): PartStatus {
    return this.#read.status;
  }
}

async function readMarks(ask: AskHost, present: ReadonlySet<string>): Promise<MarksOf> {
  const having = async (flags: number): Promise<ReadonlySet<string>> => {
    const { domains } = await ask('connectListAllDomains', { needResults: 1, flags });
    return new Set(domains.map((domain) => domain.uuid));
  };
  const [persistent, autostart, managedSave, hasSnapshot] = await Promise.all([
    having(ListFlag.persistent),
    having(ListFlag.autostart),
    having(ListFlag.managedSave),
    having(ListFlag.hasSnapshot),
  ]);
  return (uuid) =>
    present.has(uuid)
      ? {
          persistent: persistent.has(uuid),
          autostart: autostart.has(uuid),
          managedSave: managedSave.has(uuid),
          hasSnapshot: hasSnapshot.has(uuid),
        }
      : undefined;
}
