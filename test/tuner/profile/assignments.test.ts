import { expect, test } from 'vitest';
import { TunerError } from '../../../tuner/errors.ts';
import { domainView } from '../../../tuner/facts/domain-view.ts';
import { parseAssignments } from '../../../tuner/profile/assignments.ts';
import { checkReservations } from '../../../tuner/profile/reservations.ts';
import { guestXml, host, state } from './fixtures.ts';

function fault(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(TunerError);
    expect((error as TunerError).code).toBe('TUNE_ASSIGNMENTS');
    return (error as TunerError).message;
  }
  throw new Error('it was taken');
}

const NOVA = `  <metadata>
    <nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'>
      <nova:flavor name='db.large'/>
      <nova:owner><nova:project uuid='p-1'>shop</nova:project></nova:owner>
    </nova:instance>
    <app:vm xmlns:app='http://example.org/app'><app:team>payments</app:team></app:vm>
  </metadata>
`;
const guest = (name: string, metadata = ''): ReturnType<typeof state> =>
  state(guestXml({ metadata }).replace('<name>db01</name>', `<name>${name}</name>`));

test('the first matching entry decides; null means no profile, and without an entry nothing is wanted', () => {
  const assignments = parseAssignments(
    'a.yaml',
    `
assign:
  - { profile: null, domain: db-test* }
  - { profile: oltp-database, domain: ['db*', 'pg*'] }
  - { profile: sql-server, domain: mssql? }
`,
  );
  expect(
    ['db01', 'db-test1', 'pg', 'mssql1', 'mssql10', 'web'].map((name) => assignments.profileOf(guest(name))),
  ).toEqual(['oltp-database', null, 'oltp-database', 'sql-server', undefined, undefined]);
  expect(assignments.profiles).toEqual(['oltp-database', 'sql-server']);
  expect(assignments.unusedEntries([guest('db01'), guest('web')])).toEqual(['assign.0', 'assign.2']);
});

test("domains are found by OpenStack's flavor and project, by title, and by custom labels", () => {
  const assignments = parseAssignments(
    'a.yaml',
    `
metadata:
  namespaces: { app: 'http://example.org/app' }
  labels: { team: '//app:team' }
assign:
  - { profile: low-latency, nova: { flavor: 'rt.*' } }
  - { profile: oltp-database, nova: { flavor: 'db.*', project: p-1 }, labels: { team: pay* } }
  - { profile: dense, nova: { project: shop } }
  - { profile: network, title: 'Router *' }
`,
  );
  expect(assignments.profileOf(guest('a', NOVA))).toBe('oltp-database');
  expect(assignments.profileOf(guest('a', NOVA.replace('payments', 'web')))).toBe('dense');
  expect(assignments.profileOf(guest('a', '  <title>Router 1</title>\n'))).toBe('network');
  expect(assignments.profileOf(guest('a'))).toBeUndefined();
});

test('a name is neither a pattern nor a path, however hostile', () => {
  const assignments = parseAssignments(
    'a.yaml',
    "assign:\n  - { profile: dense, domain: 'a.b' }\n  - { profile: windows, domain: '*{}*' }\n",
  );
  expect(assignments.profileOf(guest('axb'))).toBeUndefined();
  expect(assignments.profileOf(guest('a.b'))).toBe('dense');
  expect(assignments.profileOf(guest('x{}y'))).toBe('windows');
});

test('CPUs and pages are reserved for the host, by cell or in all', () => {
  const { reserved } = parseAssignments(
    'a.yaml',
    `
host:
  reservedCpus: 0-1,16
  reservedHugepages: { 2 MiB: 512, 1 GiB: { 0: 2, 1: 0 } }
assign: [{ profile: dense, domain: '*' }]
`,
  );
  expect(reserved.cpus?.toString()).toBe('0-1,16');
  expect(reserved.pages).toEqual([
    { sizeKiB: 2_048, cell: undefined, count: 512 },
    { sizeKiB: 1024 ** 2, cell: 0, count: 2 },
    { sizeKiB: 1024 ** 2, cell: 1, count: 0 },
  ]);
  checkReservations('a.yaml', reserved, host());
});

test.each([
  ['0-99', '{}', 'a.yaml: host.reservedCpus: CPUs 32-99 are not online on kvm1; online: 0-31'],
  ['0', '{ 16 MiB: 1 }', 'a.yaml: host.reservedHugepages: kvm1 has no pages of 16 MiB'],
  ['0', '{ 2 MiB: { 7: 1 } }', 'a.yaml: host.reservedHugepages: kvm1 has no cell 7'],
])('a host without CPUs %s or pages %s is an error that says so', (cpus, pages, message) => {
  const { reserved } = parseAssignments(
    'a.yaml',
    `host: { reservedCpus: '${cpus}', reservedHugepages: ${pages} }\nassign: [{ profile: dense, domain: '*' }]\n`,
  );
  expect(fault(() => checkReservations('a.yaml', reserved, host()))).toBe(message);
});

test.each([
  ['assign: []\n', /^a\.yaml:1: assign: /],
  ['{}\n', /^a\.yaml:1: assign: /],
  [
    'assign:\n  - { profile: dense }\n',
    /^a\.yaml:2: assign\.0: selects no domain; to select all, write domain: "\*"/,
  ],
  [
    'assign:\n  - { profile: Dense, domain: "*" }\n',
    /^a\.yaml:2: assign\.0\.profile: a profile name has lower-case letters/,
  ],
  ['assign:\n  - { profile: dense, domian: "*" }\n', /^a\.yaml:2: assign\.0: .*"domian"/],
  [
    'assign:\n  - { profile: dense, labels: { team: x } }\n',
    /^a\.yaml: assign\.0\.labels\.team: metadata\.labels does not define this label/,
  ],
  [
    'metadata: { labels: { team: "//app:team" } }\nassign: [{ profile: dense, domain: "*" }]\n',
    /^a\.yaml: metadata: team: .* is not a valid XPath/,
  ],
  [
    'host:\n  reservedCpus: 4-1\nassign: [{ profile: dense, domain: "*" }]\n',
    /^a\.yaml:2: host\.reservedCpus: .*runs backwards/,
  ],
  [
    'host:\n  reservedHugepages: { 2 MB: 1 }\nassign: [{ profile: dense, domain: "*" }]\n',
    /^a\.yaml:2: host\.reservedHugepages\.2 MB: "2 MB" is not a page size/,
  ],
  [
    'host:\n  reservedHugepages: { 2 MiB: -1 }\nassign: [{ profile: dense, domain: "*" }]\n',
    /^a\.yaml:2: host\.reservedHugepages\.2 MiB: /,
  ],
])('%j is refused, at its line and key', (text, message) => {
  expect(fault(() => parseAssignments('a.yaml', text))).toMatch(message);
});

test('a label that may be in metadata that is too large to read gives an error, and not another profile', () => {
  const assignments = parseAssignments(
    'a.yaml',
    `
metadata: { namespaces: { app: http://example.org/app }, labels: { team: metadata/app:vm/app:team } }
assign:
  - { profile: null, domain: by-name }
  - { profile: oltp-database, labels: { team: payments } }
`,
  );
  const large = `<metadata><app:vm xmlns:app='http://example.org/app'><app:team>payments</app:team>${'<x/>'.repeat(20_000)}</app:vm></metadata>`;
  const view = (name: string): ReturnType<typeof state> => {
    const xml = guestXml({ metadata: large }).replace('<name>db01</name>', `<name>${name}</name>`);
    const found = domainView(xml, 'it');
    return { ...guest(name), live: found, inactive: found };
  };
  expect(assignments.profileOf(guest('small', NOVA))).toBe('oltp-database');
  expect(fault(() => assignments.profileOf(view('db02')))).toMatch(/labels of domain "db02" cannot be read/);
  expect(() => assignments.profileOf(view('by-name'))).not.toThrow();
});
