import { ARCH, EMULATOR, type Machine } from './xml/machines.ts';

/** Enlightenments of KVM on an Intel host with QEMU 7.2 (libvirt, formatdomaincaps, "Hyper-V Enlightenments"). */
const HYPERV = [
  ...['relaxed', 'vapic', 'spinlocks', 'vpindex', 'runtime', 'synic', 'stimer', 'reset', 'vendor_id'],
  ...['frequencies', 'reenlightenment', 'tlbflush', 'ipi', 'evmcs'],
];
/** Those that QEMU implements without KVM. */
const HYPERV_TCG = ['spinlocks', 'vendor_id'];

type Enums = Readonly<Record<string, readonly string[]>>;

const DEVICES: Readonly<Record<string, Enums>> = {
  disk: {
    diskDevice: ['disk', 'cdrom', 'floppy', 'lun'],
    bus: ['fdc', 'scsi', 'virtio', 'usb', 'sata'],
    model: ['virtio', 'virtio-transitional', 'virtio-non-transitional'],
  },
  graphics: { type: ['vnc', 'spice', 'egl-headless', 'dbus'] },
  video: { modelType: ['vga', 'cirrus', 'vmvga', 'qxl', 'virtio', 'none', 'bochs', 'ramfb'] },
  hostdev: {
    mode: ['subsystem'],
    startupPolicy: ['default', 'mandatory', 'requisite', 'optional'],
    subsysType: ['usb', 'pci', 'scsi'],
    capsType: [],
    pciBackend: ['default', 'vfio'],
  },
  rng: {
    model: ['virtio', 'virtio-transitional', 'virtio-non-transitional'],
    backendModel: ['random', 'egd', 'builtin'],
  },
  filesystem: { driverType: ['path', 'handle', 'virtiofs'] },
  tpm: { model: ['tpm-tis', 'tpm-crb'], backendModel: ['passthrough', 'emulator'] },
  redirdev: { bus: ['usb'] },
  channel: { type: ['pty', 'unix', 'spicevmc'] },
};

/** Domain capabilities in the format of libvirt 9.0 (https://libvirt.org/formatdomaincaps.html). */
export function domainCapabilitiesXml(virtType: 'kvm' | 'qemu', machine: Machine): string {
  const kvm = virtType === 'kvm';
  const lines = [
    '<domainCapabilities>',
    `  <path>${EMULATOR}</path>`,
    `  <domain>${virtType}</domain>`,
    `  <machine>${machine.name}</machine>`,
    `  <arch>${ARCH}</arch>`,
    `  <vcpu max='${machine.maxCpus}'/>`,
    "  <iothreads supported='yes'/>",
    "  <os supported='yes'>",
    "    <enum name='firmware'/>",
    "    <loader supported='yes'>",
    ...enums({ type: ['rom', 'pflash'], readonly: ['yes', 'no'], secure: ['no'] }, '      '),
    '    </loader>',
    '  </os>',
    '  <cpu>',
    ...(kvm
      ? [
          "    <mode name='host-passthrough' supported='yes'>",
          ...enums({ hostPassthroughMigratable: ['on', 'off'] }, '      '),
          '    </mode>',
        ]
      : ["    <mode name='host-passthrough' supported='no'/>"]),
    "    <mode name='maximum' supported='yes'>",
    ...enums({ maximumMigratable: ['on', 'off'] }, '      '),
    '    </mode>',
    "    <mode name='host-model' supported='yes'>",
    "      <model fallback='forbid'>Skylake-Server-IBRS</model>",
    '      <vendor>Intel</vendor>',
    '    </mode>',
    "    <mode name='custom' supported='yes'>",
    "      <model usable='yes' vendor='unknown'>qemu64</model>",
    "      <model usable='yes' vendor='Intel'>Skylake-Server-IBRS</model>",
    "      <model usable='yes' vendor='Intel'>Haswell-noTSX</model>",
    "      <model usable='no' vendor='AMD'>EPYC</model>",
    '    </mode>',
    '  </cpu>',
    "  <memoryBacking supported='yes'>",
    ...enums({ sourceType: ['file', 'anonymous', 'memfd'] }, '    '),
    '  </memoryBacking>',
    '  <devices>',
    ...Object.entries(DEVICES).flatMap(([name, offers]) => [
      `    <${name} supported='yes'>`,
      ...enums(offers, '      '),
      `    </${name}>`,
    ]),
    '  </devices>',
    '  <features>',
    "    <gic supported='no'/>",
    "    <vmcoreinfo supported='yes'/>",
    "    <genid supported='yes'/>",
    "    <backingStoreInput supported='yes'/>",
    "    <backup supported='yes'/>",
    "    <sev supported='no'/>",
    "    <sgx supported='no'/>",
    "    <hyperv supported='yes'>",
    ...enums({ features: kvm ? HYPERV : HYPERV_TCG }, '      '),
    '    </hyperv>',
    '  </features>',
    '</domainCapabilities>',
  ];
  return `${lines.join('\n')}\n`;
}

function enums(offers: Enums, indent: string): string[] {
  return Object.entries(offers).flatMap(([name, values]) =>
    values.length === 0
      ? [`${indent}<enum name='${name}'/>`]
      : [
          `${indent}<enum name='${name}'>`,
          ...values.map((value) => `${indent}  <value>${value}</value>`),
          `${indent}</enum>`,
        ],
  );
}
