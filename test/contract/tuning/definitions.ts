import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ErrorCode } from '../../../libvirt/constants.ts';
import { codeOf, NAME, type Parts, type Throwaway, UUID, VALIDATE, withoutPlaces } from './throwaway.ts';

const SCHEMA = 92;
const DETAIL = 35;

const iothreads = '<iothreads>1</iothreads>';
const cells = (...cpus: string[]): string =>
  `<cpu><numa>${cpus.map((list, id) => `<cell id='${id}' cpus='${list}' memory='32' unit='MiB'/>`).join('')}</numa></cpu>`;
const tune = (inner: string): Parts => ({ more: `<cputune>${inner}</cputune>` });
const backing = (inner: string): Parts => ({ more: `<memoryBacking>${inner}</memoryBacking>` });

/** What libvirt refuses: a description, the parts, and the error number without and with validation. */
type Refused = readonly [what: string, parts: Parts, plain: number | 'taken', validated?: number];

function refused(make: Throwaway): readonly Refused[] {
  const disk = (driver: string, bus?: string, more?: string): Parts => ({
    disks: make.disk(driver, bus, more),
  });
  const nic = (driver: string): Parts => ({
    nics: `<interface type='bridge'><source bridge='br0'/><model type='virtio'/><driver ${driver}/></interface>`,
  });
  return [
    ['io=native with cache=writeback', disk("cache='writeback' io='native'"), 67],
    ["io=native with the driver's own cache", disk("io='native'"), 67],
    ['an iothread on a SATA disk', { ...disk("iothread='1'", 'sata'), more: iothreads }, 67],
    ['an iothread that is not there', disk("iothread='1'"), 67],
    ['queues on a SATA disk', disk("queues='2'", 'sata'), 67],
    ['a cache mode that is none', disk("cache='fast'"), 27, SCHEMA],
    ['a discard mode that is none', disk("discard='fast'"), 27, SCHEMA],
    ['a zero detection that is none', disk("detect_zeroes='fast'"), 27, SCHEMA],
    [
      'a drive address for a virtio disk',
      disk('', 'virtio', "<address type='drive' controller='0' bus='0' target='0' unit='0'/>"),
      67,
    ],
    ['two disks of one name', { disks: make.disk('') + make.disk('') }, 27],
    [
      'total and read limits at once',
      disk(
        '',
        'virtio',
        '<iotune><total_iops_sec>1</total_iops_sec><read_iops_sec>1</read_iops_sec></iotune>',
      ),
      27,
      SCHEMA,
    ],
    [
      'two iothreads of one id',
      { more: "<iothreadids><iothread id='1'/><iothread id='1'/></iothreadids>" },
      27,
    ],
    ['guest cells with more vCPUs than there are', { cpu: cells('0-3') }, 1],
    ['guest cells that share a vCPU', { cpu: cells('0-1', '1') }, 67],
    [
      'a CPU topology of another size',
      { cpu: "<cpu><topology sockets='1' cores='3' threads='1'/></cpu>" },
      67,
    ],
    [
      'a NUMA memory mode without host cells',
      { more: "<numatune><memory mode='preferred'/></numatune>" },
      67,
    ],
    ['a pin to no CPU', tune("<vcpupin vcpu='0' cpuset=''/>"), 8, SCHEMA],
    ['two pins of one vCPU', tune("<vcpupin vcpu='0' cpuset='0'/><vcpupin vcpu='0' cpuset='0'/>"), 1],
    ['a pin of an iothread that is not there', tune("<iothreadpin iothread='3' cpuset='0'/>"), 67],
    ['two emulator pins', tune("<emulatorpin cpuset='0'/><emulatorpin cpuset='0'/>"), 27, SCHEMA],
    ['a period below the least', tune('<period>10</period>'), 67, SCHEMA],
    ['a quota below the least', tune('<quota>10</quota>'), 67],
    ['real time without a priority', tune("<vcpusched vcpus='0' scheduler='fifo'/>"), 27, SCHEMA],
    [
      'a scheduler for a vCPU that is not there',
      tune("<vcpusched vcpus='5' scheduler='fifo' priority='1'/>"),
      67,
    ],
    ['a NUMA mode that is none', { more: "<numatune><memory mode='x' nodeset='0'/></numatune>" }, 67, SCHEMA],
    [
      'memory of a guest cell that is not there',
      { more: "<numatune><memnode cellid='0' mode='strict' nodeset='0'/></numatune>" },
      27,
    ],
    ['hugepages on demand', backing("<hugepages/><allocation mode='ondemand'/>"), 67],
    ['hugepages of anonymous memory', backing("<hugepages/><source type='anonymous'/>"), 67],
    [
      'hugepages of a guest cell that is not there',
      backing("<hugepages><page size='2048' unit='KiB' nodeset='3'/></hugepages>"),
      DETAIL,
    ],
    [
      'two sizes of hugepages for one guest',
      backing("<hugepages><page size='2048' unit='KiB'/><page size='1' unit='GiB'/></hugepages>"),
      DETAIL,
    ],
    ['a ring of 300', nic("rx_queue_size='300'"), 67],
    ['a machine that is none', { machine: 'pc-q35-99' }, 67],
    ['more vCPUs than the machine can have', { vcpu: `<vcpu>${make.expected.q35VcpusMax + 1}</vcpu>` }, 67],
    ['more vCPUs at the start than at most', { vcpu: "<vcpu current='3'>2</vcpu>" }, 67],
    [
      'spinlocks with too few retries',
      { features: "<features><hyperv><spinlocks state='on' retries='100'/></hyperv></features>" },
      27,
    ],
    [
      'an enlightenment that is none',
      { features: "<features><hyperv><bogus state='on'/></hyperv></features>" },
      67,
      SCHEMA,
    ],
    [
      'a timer that is none',
      { more: "<clock offset='utc'><timer name='foo' present='no'/></clock>" },
      27,
      SCHEMA,
    ],
  ];
}

/** XML that only some libvirt versions have: a name for it, the XML, and what a definition keeps of it. */
function newXml(make: Throwaway): readonly [name: string, parts: Parts, kept: string][] {
  const driver = (inner: string): string =>
    make.disk("queues='2'").replace(/<driver (.*?)\/>/, `<driver $1>${inner}</driver>`);
  const two = '<iothreads>2</iothreads>';
  const poll = (attributes: string): Parts => ({
    more: `<iothreadids><iothread id='1'><poll ${attributes}/></iothread></iothreadids>`,
  });
  const mapped =
    "<iothreads><iothread id='1'><queue id='0'/></iothread><iothread id='2'><queue id='1'/></iothread></iothreads>";
  const bins = "<latency-histogram type='read'><bin start='0'/><bin start='1000'/></latency-histogram>";
  return [
    ['an attribute of no libvirt', { disks: make.disk("bogus='1'") }, 'bogus'],
    ['an element of no libvirt', { more: '<foo/>' }, '<foo'],
    ['iothread poll', poll("max='100'"), "<poll max='100'/>"],
    ['iothread poll weight', poll("max='100' weight='4'"), "weight='4'"],
    ['disk queue mapping', { more: two, disks: driver(mapped) }, "<queue id='1'/>"],
    [
      'scsi queue mapping',
      {
        more: two,
        devices: `<controller type='scsi' index='0' model='virtio-scsi'><driver queues='2'>${mapped}</driver></controller>`,
      },
      "<queue id='1'/>",
    ],
    [
      'throttle groups',
      {
        more: '<throttlegroups><throttlegroup><group_name>g0</group_name><total_iops_sec>500</total_iops_sec></throttlegroup></throttlegroups>',
        disks: make
          .disk("cache='none'")
          .replace('<target', "<throttlefilters><throttlefilter group='g0'/></throttlefilters><target"),
      },
      "<throttlefilter group='g0'/>",
    ],
    [
      'disk statistics',
      { disks: driver("<statistics><statistic interval='10'/></statistics>") },
      "interval='10'",
    ],
    ['latency histogram', { disks: driver(`<statistics>${bins}</statistics>`) }, "<bin start='1000'/>"],
  ];
}

/** Defining domains: what libvirt keeps, fills in, drops and refuses. */
export function definitionContract(make: () => Throwaway): void {
  test('a definition that libvirt wrote is accepted unchanged, to the byte', async () => {
    await make().have({
      more: `${iothreads}<cputune><vcpupin vcpu='0' cpuset='0'/></cputune><numatune><memory mode='strict' nodeset='0'/></numatune>`,
      disks: make().disk("cache='none' io='native' iothread='1' queues='2'"),
      devices: "<graphics type='vnc' port='-1' passwd='secret'/><memballoon model='virtio'/>",
    });
    // On the first define, libvirt may still reorder controllers.
    await make().define(await make().inactive());
    const before = await make().inactive();
    await make().define(before);
    expect(await make().inactive()).toBe(before);
    expect(before).toContain("passwd='secret'");
  });

  test('controllers that libvirt adds may move once more when the definition is read again, and then stay', async () => {
    const throwaway = make();
    await throwaway.have({
      devices: "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>",
    });
    const first = await throwaway.inactive();
    await throwaway.define(first);
    const second = await throwaway.inactive();
    await throwaway.define(second);
    const lines = (xml: string) => xml.split('\n').sort();
    expect(second === first).toBe(throwaway.expected.groupsControllers);
    expect(lines(second)).toEqual(lines(first));
    expect(await throwaway.inactive()).toBe(second);
  });

  test('a definition comes back in libvirt’s own form, whatever the client’s order and units', async () => {
    const fixture = (name: string): string =>
      readFileSync(join(import.meta.dirname, '../../fixtures', name), 'utf8')
        .replace(/<name>.*<\/name>/, `<name>${NAME}</name>`)
        .replace(/<uuid>.*<\/uuid>/, `<uuid>${UUID}</uuid>`);
    await make().remove();
    await make().define(fixture('definition-client.xml'), 0);
    expect(withoutPlaces(await make().inactive())).toBe(withoutPlaces(fixture(make().expected.definition)));
  });

  test('secrets are returned only on request over a writable connection', async () => {
    const domain = await make().have({ devices: "<graphics type='vnc' port='-1' passwd='secret'/>" });
    const { xml } = await make().connection.call('domainGetXmlDesc', { domain, flags: 0 });
    expect(xml).toContain("<graphics type='vnc'");
    expect(xml).not.toContain('secret');
  });

  test('defaults are written out, and sizes are in KiB', async () => {
    await make().have({ memoryMiB: 96, cpu: cells('0', '1'), vcpu: '<vcpu>4</vcpu>' });
    const xml = await make().inactive();
    // The sum over the cells; vCPUs without a cell are added to the first one.
    expect(xml).toContain("<memory unit='KiB'>65536</memory>");
    expect(xml).toContain("<cell id='0' cpus='0,2-3' memory='32768' unit='KiB'/>");
    for (const line of ["<vcpu placement='static'>4</vcpu>", "<clock offset='utc'/>", "<boot dev='hd'/>"])
      expect(xml).toContain(line);
  });

  test('a pin of a missing vCPU is dropped silently', async () => {
    await make().have(tune("<vcpupin vcpu='0' cpuset='0'/><vcpupin vcpu='7' cpuset='0'/>"));
    expect(await make().inactive()).not.toContain("vcpu='7'");
  });

  test('elements that this libvirt does not have are dropped, or refused with schema validation', async () => {
    for (const [name, parts, kept] of newXml(make())) {
      const isKnown = make().expected.knownXml.includes(name);
      await make().remove();
      const validated = make().define(make().xml(parts), VALIDATE);
      if (isKnown) await validated;
      else expect([name, await codeOf(validated)]).toEqual([name, SCHEMA]);
      await make().define(make().xml(parts), 0);
      expect([name, (await make().inactive()).includes(kept)]).toEqual([name, isKnown]);
    }
  });

  test('an impossible definition is refused, with libvirt’s error number, and nothing is defined', async () => {
    await make().remove();
    const { define } = make().expected.shareOfOne;
    const shares: Refused = ['shares below the least', tune('<shares>1</shares>'), define];
    for (const [what, parts, plain, validated = plain] of [...refused(make()), shares]) {
      // Some versions accept it.
      if (plain === 'taken') {
        await make().define(make().xml(parts));
        await make().remove();
        continue;
      }
      expect([what, await codeOf(make().define(make().xml(parts), 0))]).toEqual([what, plain]);
      expect([what, await codeOf(make().define(make().xml(parts), VALIDATE))]).toEqual([what, validated]);
    }
    expect(await codeOf(make().find())).toBe(ErrorCode.noDomain);
  });

  test('an enlightenment without what it requires is refused where this libvirt checks that', async () => {
    const timer = "<clock offset='utc'><timer name='hypervclock' present='yes'/></clock>";
    const hyperv = (more: string, ...names: string[]): Parts => ({
      more,
      features: `<features><hyperv>${names.map((name) => `<${name} state='on'/>`).join('')}</hyperv></features>`,
    });
    const lacking = [
      hyperv('', 'vpindex', 'synic', 'stimer'),
      hyperv(timer, 'vpindex', 'stimer'),
      hyperv('', 'tlbflush'),
      hyperv('', 'ipi'),
      hyperv('', 'evmcs'),
    ];
    for (const parts of lacking) {
      await make().remove();
      const defined = make().define(make().xml(parts), 0);
      if (make().expected.checksHyperv) expect(await codeOf(defined)).toBe(ErrorCode.configUnsupported);
      else await defined;
    }
    await make().define(make().xml(hyperv(timer, 'vpindex', 'synic', 'stimer', 'tlbflush', 'ipi')));
  });

  test('a throttle filter of a group that is missing is refused where this libvirt has groups', async () => {
    await make().remove();
    const filters = "<throttlefilters><throttlefilter group='none'/></throttlefilters><target";
    const defined = make().define(make().xml({ disks: make().disk('').replace('<target', filters) }), 0);
    if (make().expected.hasThrottleGroups) expect(await codeOf(defined)).toBe(ErrorCode.xmlError);
    else await defined;
  });

  test('XML that does not describe a domain is refused', async () => {
    expect(await codeOf(make().define('<domain', 0))).toBe(DETAIL);
    expect(await codeOf(make().define('<foo/>', 0))).toBe(27);
    expect(
      await codeOf(make().define("<domain type='qemu'><name>x</name><memory>1024</memory></domain>", 0)),
    ).toBe(27);
  });

  test('a name belongs to one UUID, and a UUID to one name', async () => {
    await make().have();
    const other = '00000000-0000-4000-8000-0000000c0d1f';
    expect(await codeOf(make().define(make().xml({ uuid: other })))).toBe(ErrorCode.operationFailed);
    expect(await codeOf(make().define(make().xml({ name: `${NAME}-2` })))).toBe(ErrorCode.operationFailed);
    expect(
      await codeOf(
        make().define(
          make()
            .xml()
            .replace(/<uuid>.*<\/uuid>/, ''),
        ),
      ),
    ).toBe(ErrorCode.operationFailed);
  });

  test('a running domain gets a new definition for its next start, and runs on unchanged', async () => {
    await make().have({}, 'running');
    await make().define(make().xml({ vcpu: '<vcpu>3</vcpu>', memoryMiB: 80 }));
    expect(await make().both('vcpu')).toEqual({ live: '2', config: '3' });
    expect(await make().both('memory')).toEqual({ live: '65536', config: '81920' });
    await make().stop();
    await make().start();
    expect(await make().both('vcpu')).toEqual({ live: '3', config: '3' });
  });

  test('a domain whose definition is taken away while it runs is transient, and can be defined again', async () => {
    const domain = await make().have({}, 'running');
    await make().connection.call('domainUndefineFlags', { domain, flags: 0 });
    expect((await make().connection.call('domainIsPersistent', { domain })).persistent).toBe(false);
    expect(await codeOf(make().connection.call('domainUndefineFlags', { domain, flags: 0 }))).toBe(
      ErrorCode.operationInvalid,
    );
    await make().define(make().xml({ vcpu: '<vcpu>3</vcpu>' }));
    expect(await make().both('vcpu')).toEqual({ live: '2', config: '3' });
  });
}
