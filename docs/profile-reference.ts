import { type HostKnob, hostKnobs } from '../tuner/profile/host-knobs.ts';
import type { Knob, KnobGroup } from '../tuner/profile/knob.ts';
import { knobs } from '../tuner/profile/knobs/all.ts';
import type { ProfileLibrary } from '../tuner/profile/library.ts';

const INTRO = `# Profiles

Made from the tables in \`tuner/profile/\` and the profiles in \`tuner/profiles/\` by \`npm run docs\`; do not edit.

A profile says what a VM should be: each knob with its value, why, and on whose word. \`virtune tune plan\` makes settings
of it for one VM on one host, and says of each whether it can be had there, and when.

\`\`\`console
$ virtune tune profiles                       # what there is
$ virtune tune profiles show oltp-database    # what it says, and why
$ virtune tune profiles check my-db.yaml      # is this one? each fault with its line and key
\`\`\`
`;

const WRITING = `## Writing one

\`\`\`yaml
# /etc/virtune/profiles/shop-db.yaml: the profile shop-db
title: The shop's databases
extends: oltp-database
knobs:
  disk.io:
    value: io_uring
    why: the images are sparse, and native I/O would block on them
    source: judgement
  disk.cache:
    - { value: none, on: [vda, vdb], why: data and log, source: judgement }
    - { value: writeback, why: the rest is scratch space, source: judgement }
  nic.queues: null            # left as it is, whatever oltp-database says
host:
  numaBalancing: { value: leave, why: other VMs want it, source: judgement }
\`\`\`

A profile is named like its file: lower-case letters, digits and \`-\`. virtune looks into \`/etc/virtune/profiles\`,
\`$XDG_CONFIG_HOME/virtune/profiles\` and each folder of \`--profiles\`; a later folder's profile stands before an earlier
one's of the same name, and before virtune's own. \`--profile\` takes the path of a file as well.

- \`value\`, \`why\` and \`source\` belong to every entry. \`null\` instead of an entry leaves alone what a profile that this
  one extends would set.
- \`extends\` names a profile, or a list of which later ones have the last word. What several of them extend counts once,
  and first. Up to seven others may stand below a profile.
- A knob of disks or NICs may have a list of entries with \`on\`: globs of targets (\`vda\`, \`sd*\`) or MAC addresses. The
  first entry that names a target holds for it. CD-ROM and floppy drives are never touched.
- \`default\` takes a setting out, so that libvirt's or QEMU's own default holds.

### Figures and rules

Where a knob takes a rule, it may depend on the VM:

\`\`\`
figure  = number / base *( ", " clause )
base    = "= " subject / percent " % of " subject
clause  = "plus " number / "at least " number / "at most " number
number  = digits, or for sizes digits and KiB, MiB, GiB or TiB
subject = vCPUs, disks, NICs, iothreads; for sizes memory
\`\`\`

\`= vCPUs, at most 4\`; \`50 % of vCPUs, at least 1\`; \`= memory, plus 2 GiB\`. Parts of one are dropped, and clauses hold in
the order plus, at least, at most, however they are written.

## Many VMs at once

\`--file assignments.yaml\` says which VM gets which profile. The first entry that fits decides; all that an entry says has
to hold.

\`\`\`yaml
host:
  reservedCpus: 0-1,16-17                 # no VM gets these
  reservedHugepages: { 2 MiB: 512, 1 GiB: { 0: 2, 1: 0 } }   # in all, or cell by cell
  allowRatio: 4                           # vCPUs for each shared CPU, at most; --allow-ratio says otherwise
metadata:                                 # labels by XPath, as in the exporter's configuration
  namespaces: { app: 'http://example.org/app' }
  labels: { team: '//app:team' }
assign:
  - { profile: null, domain: '*-test*' }  # left alone
  - { profile: oltp-database, nova: { flavor: 'db.*', project: shop } }
  - { profile: sql-server, domain: ['mssql*', 'erp?'] }
  - { profile: network, labels: { team: net } }
  - { profile: low-latency, title: 'Trading *' }
  - { profile: balanced, domain: '*' }
\`\`\`
`;

const GROUPS: readonly (readonly [KnobGroup, string, string])[] = [
  [
    'placement',
    'Place',
    "Where the VM goes: the host's CPUs and cells. Placement counts all VMs of the host, running and defined.",
  ],
  ['cpu', 'CPUs', 'What vCPUs are, how much time they get, and what the guest is told of them.'],
  ['memory', 'Memory', 'Where memory comes from, and whether the host may have it back.'],
  ['iothreads', 'Iothreads', "Threads that do disks' I/O."],
  [
    'disks',
    'Disks',
    'Of each disk, or of those that `on` names. Nothing but `disk.iotune.*` and `blkio.weight` changes while a VM runs.',
  ],
  [
    'nics',
    'Network',
    'Of each network card, or of those that `on` names. Nothing but bandwidth changes while a VM runs.',
  ],
  [
    'hyperv',
    'Hyper-V interfaces',
    'For Windows guests. `auto` is on where this host offers it, and not said elsewhere.',
  ],
  ['timers', 'Timers', 'What clocks the guest has, and what becomes of ticks that came too late.'],
];

/** The text of docs/profiles.md. */
export function profileReference(library: ProfileLibrary): string {
  const sections = [
    INTRO,
    shipped(library),
    WRITING,
    ...GROUPS.map(group),
    hostSection(),
    adviceSection(library),
  ];
  return `${sections.map((section) => section.trim()).join('\n\n')}\n`;
}

function shipped(library: ProfileLibrary): string {
  const rows = library.places
    .filter(({ builtIn }) => builtIn)
    .map(({ name }) => {
      const { title, lineage } = library.get(name);
      return `| \`${name}\` | ${title} | ${lineage
        .slice(1)
        .map((each) => `\`${each}\``)
        .join(', ')} |`;
    });
  return `## Those that come with virtune

Most values are judgement, and each says so: [what each of them says](#what-each-profile-says), with reason, source and
date, stands below, and \`virtune tune profiles show\` prints the same.
What they stand on comes first, and each says its own over it.

| profile | for | stands on |
| --- | --- | --- |
${rows.join('\n')}`;
}

function group([id, heading, what]: (typeof GROUPS)[number]): string {
  const rows = knobs.filter((knob) => knob.group === id).map(row);
  return `## ${heading}

${what}

| knob | takes | what | sets |
| --- | --- | --- | --- |
${rows.join('\n')}`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '\\<');

function row({ id, takes, help, settings }: Knob): string {
  return `| \`${id}\` | ${cell(takes)} | ${cell(help)} | ${settings.map((setting) => `\`${setting}\``).join(', ')} |`;
}

function hostSection(): string {
  const rows = hostKnobs.map(hostRow);
  return `## The host

Under \`host:\`. What virtune sets is journalled and undone like all else; of the rest it tells how it is and which command
mends it. Where two profiles in use on one host want opposite things, nothing is done, and both are named.

| knob | takes | what | virtune |
| --- | --- | --- | --- |
${rows.join('\n')}`;
}

function hostRow({ id, takes, help, sets }: HostKnob): string {
  return `| \`${id}\` | ${cell(takes)} | ${cell(help)} | ${sets ? 'sets it' : 'looks at it'} |`;
}

/** What each profile says itself: what it takes from others stands there. */
function adviceSection(library: ProfileLibrary): string {
  const tables = library.places
    .filter(({ builtIn }) => builtIn)
    .map(({ name }) => {
      const { title, knobs: said, host } = library.get(name);
      const entries = [
        ...[...said].flatMap(([id, list]) => list.map((entry) => ({ id, entry }))),
        ...[...host].map(([id, entry]) => ({ id: `host: ${id}`, entry })),
      ];
      const rows = entries
        .filter(({ entry }) => (entry.from ?? name) === name)
        .map(
          ({ id, entry: { value, why, source } }) =>
            `| \`${id}\` | \`${cell(String(value))}\` | ${cell(why)} | ${cell(source)} |`,
        );
      return `### ${name}: ${title}

| knob | value | why | source |
| --- | --- | --- | --- |
${rows.join('\n')}`;
    });
  return `## What each profile says

With the reason, and the document and year that it is taken from; \`judgement\` where no published source says it. What a
profile takes over from one that it stands on is shown there only.

${tables.join('\n\n')}`;
}
