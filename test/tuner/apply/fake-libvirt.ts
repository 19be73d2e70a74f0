import type { CallArgs, CallName, CallResult } from '../../../libvirt/calls/all.ts';
import { ErrorCode } from '../../../libvirt/constants.ts';
import { ClosedError, ConnectError, RemoteError } from '../../../libvirt/errors.ts';
import type { Domain } from '../../../libvirt/wire/types.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import type { TunerConnection } from '../../../tuner/connection.ts';

const CPUS = 8;
const MAP_BYTES = 1;

/** A run of a domain; its live state ends with it. */
interface FakeRun {
  readonly id: number;
  readonly xml: string;
  paused: boolean;
  readonly pins: string[];
  shares: number;
}

export class FakeDomain {
  readonly uuid: string;
  readonly name: string;
  definition: string | undefined;
  run: FakeRun | undefined;
  /** Created by a define: it has never run. */
  isNew = false;
  /** Whether it obeys a shutdown request. */
  obeys = true;

  constructor(name: string, uuid: string) {
    this.name = name;
    this.uuid = uuid;
  }
}

type Answers = { readonly [N in CallName]?: (args: CallArgs<N>) => CallResult<N> };

export const HOSTNAME = 'kvm01';

/**
 * An in-memory libvirt with the calls that the tests of apply need. Its state is kept across connections, as a daemon's
 * is across client processes.
 */
export class FakeLibvirt {
  readonly domains: FakeDomain[] = [];
  pages = 16;
  /** Does not answer, and has closed its connections. */
  away = false;
  /** Called before each reply; an error thrown here becomes the reply. */
  onCall: (name: CallName) => void = () => undefined;
  /** Replies of calls that a test overrides. */
  answers: Answers = {};
  /** Calls that report success without doing anything. */
  readonly ignored = new Set<CallName>();
  /** Why a definition does not start; undefined when it does. */
  refusesToStart: (definition: string) => string | undefined = () => undefined;
  /** The live XML of a definition when it is started. */
  runsAs: (definition: string) => string = (definition) => definition;
  readonly calls: CallName[] = [];
  #nextId = 1;

  /** Adds a domain that is defined and running. */
  add(name: string, uuid: string, settings = ''): FakeDomain {
    const domain = new FakeDomain(name, uuid);
    domain.definition = domainXml(name, uuid, settings);
    this.domains.push(domain);
    this.start(domain, false);
    return domain;
  }

  /** Lists its domains from now on, and reports all pages of its pool as free except these. */
  listed(pagesInUse = 0): void {
    this.answers = {
      connectListAllDomains: ({ flags }) => ({
        domains: flags === 0 ? this.domains.map((domain) => this.#handle(domain)) : [],
        count: this.domains.length,
      }),
      nodeGetFreePages: () => ({ counts: [BigInt(this.pages - pagesInUse)] }),
    };
  }

  start(domain: FakeDomain, paused: boolean): void {
    const xml = this.runsAs(domain.definition ?? '');
    const pinned = (vcpu: number): string =>
      new RegExp(`<vcpupin vcpu='${vcpu}' cpuset='([^']+)'/>`).exec(xml)?.[1] ?? '0-7';
    domain.run = {
      id: this.#nextId++,
      xml,
      paused,
      pins: [pinned(0), pinned(1)],
      shares: Number(/<shares>(\d+)</.exec(xml)?.[1] ?? 1024),
    };
  }

  connect(): Promise<TunerConnection> {
    if (this.away) return Promise.reject(new ConnectError('LIBVIRT_NOT_FOUND', 'there is no libvirt'));
    let closed: Error | undefined;
    return Promise.resolve({
      get closed() {
        return closed;
      },
      close: async () => {
        closed ??= new ClosedError('closed');
      },
      call: async <N extends CallName>(name: N, args: CallArgs<N>): Promise<CallResult<N>> => {
        if (this.away) closed ??= new ClosedError('cut');
        if (closed !== undefined) throw closed;
        this.calls.push(name);
        this.onCall(name);
        if (this.away) {
          closed ??= new ClosedError('cut');
          throw closed;
        }
        const answer: ((args: CallArgs<N>) => CallResult<N>) | undefined =
          this.answers[name] ?? this.#answers[name];
        if (answer === undefined) throw new RemoteError(name, ErrorCode.noSupport, 0, 'not supported');
        return answer(args);
      },
    });
  }

  #find({ uuid }: { readonly uuid: string }): FakeDomain {
    const found = this.domains.find((domain) => domain.uuid === uuid);
    if (found === undefined) throw new RemoteError('any', ErrorCode.noDomain, 10, 'Domain not found');
    return found;
  }

  #running(of: { readonly uuid: string }): FakeRun {
    const { run } = this.#find(of);
    if (run === undefined) throw new RemoteError('any', ErrorCode.operationInvalid, 10, 'not running');
    return run;
  }

  #make(uuid: string, xml: string): FakeDomain {
    const domain = new FakeDomain(/<name>([^<]+)</.exec(xml)?.[1] ?? '', uuid);
    domain.isNew = true;
    this.domains.push(domain);
    return domain;
  }

  #end(domain: FakeDomain): void {
    domain.run = undefined;
    if (domain.definition === undefined) this.domains.splice(this.domains.indexOf(domain), 1);
  }

  readonly #answers: Answers = {
    connectGetHostname: () => ({ hostname: HOSTNAME }),
    connectGetLibVersion: () => ({ version: 9_000_000n }),
    connectGetVersion: () => ({ version: 7_002_000n }),
    connectListAllDomains: () => ({ domains: [], count: 0 }),
    connectGetCapabilities: () => ({
      xml: `<capabilities><host><topology><cells num='1'><cell id='0'><pages unit='KiB' size='2048'>${this.pages}</pages></cell></cells></topology></host></capabilities>`,
    }),
    nodeGetCpuMap: () => ({ map: new Uint8Array(0), online: CPUS, total: CPUS }),
    nodeAllocPages: ({ counts }) => {
      if (!this.ignored.has('nodeAllocPages')) this.pages = Number(counts[0]);
      return { cellsAdjusted: 1 };
    },
    domainLookupByUuid: (of) => ({ domain: this.#handle(this.#find(of)) }),
    domainGetState: ({ domain }) => {
      const { run, isNew } = this.#find(domain);
      return { state: run === undefined ? 5 : run.paused ? 3 : 1, reason: isNew ? 0 : 1 };
    },
    domainIsPersistent: ({ domain }) => ({ persistent: this.#find(domain).definition !== undefined }),
    domainGetXmlDesc: ({ domain, flags }) => {
      const { definition, run } = this.#find(domain);
      const inactive = (flags & 2) !== 0 || run === undefined;
      return { xml: (inactive ? definition : run.xml) ?? '' };
    },
    domainDefineXmlFlags: ({ xml }) => {
      const uuid = /<uuid>([^<]+)</.exec(xml)?.[1] ?? '';
      const domain = this.domains.find((each) => each.uuid === uuid) ?? this.#make(uuid, xml);
      if (!this.ignored.has('domainDefineXmlFlags')) domain.definition = xml;
      return { domain: this.#handle(domain) };
    },
    domainUndefineFlags: ({ domain }) => {
      this.domains.splice(this.domains.indexOf(this.#find(domain)), 1);
    },
    domainGetVcpuPinInfo: ({ domain, ncpumaps }) => {
      const { pins } = this.#running(domain);
      const maps = pins.slice(0, ncpumaps).flatMap((pin) => [...CpuSet.parse(pin).toBitmap(MAP_BYTES)]);
      return { maps: Uint8Array.from(maps), count: pins.length };
    },
    domainPinVcpuFlags: ({ domain, vcpu, map }) => {
      if (!this.ignored.has('domainPinVcpuFlags')) {
        this.#running(domain).pins[vcpu] = CpuSet.fromBitmap(map).toString();
      }
    },
    domainGetSchedulerParametersFlags: ({ domain }) => ({
      params: [{ field: 'cpu_shares', type: 4, value: this.#running(domain).shares }],
    }),
    domainSetSchedulerParametersFlags: ({ domain, params }) => {
      this.#running(domain).shares = Number(params[0]?.value);
    },
    domainShutdownFlags: ({ domain }) => {
      const found = this.#find(domain);
      this.#running(domain);
      if (found.obeys) this.#end(found);
    },
    domainDestroyFlags: ({ domain }) => {
      this.#end(this.#find(domain));
    },
    domainCreateWithFlags: ({ domain, flags }) => {
      const found = this.#find(domain);
      const why = this.refusesToStart(found.definition ?? '');
      if (why !== undefined) throw new RemoteError('domainCreateWithFlags', ErrorCode.internal, 10, why);
      this.start(found, (flags & 1) !== 0);
      return { domain: this.#handle(found) };
    },
  };

  #handle({ name, uuid, run }: FakeDomain): Domain {
    return { name, uuid, id: run?.id ?? -1 };
  }
}

function domainXml(name: string, uuid: string, settings: string): string {
  return `<domain type='kvm'>
  <name>${name}</name>
  <uuid>${uuid}</uuid>
  <memory unit='KiB'>1048576</memory>
  <vcpu placement='static'>2</vcpu>
  ${settings}
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <target dev='vda' bus='virtio'/>
    </disk>
  </devices>
</domain>
`;
}
