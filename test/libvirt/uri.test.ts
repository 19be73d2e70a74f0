import { expect, test } from 'vitest';
import { UriError } from '../../libvirt/errors.ts';
import { remoteCommand, sshArguments } from '../../libvirt/transport/ssh.ts';
import { pkiFiles } from '../../libvirt/transport/tls.ts';
import { socketCandidates } from '../../libvirt/transport/unix.ts';
import { parseUri } from '../../libvirt/uri.ts';

const root = { exists: () => true, uid: 0, env: {} };

test.each([
  ['qemu:///system', 'unix', 'qemu:///system'],
  ['qemu+unix:///system?socket=/tmp/s', 'unix', 'qemu:///system'],
  ['test:///default', 'unix', 'test:///default'],
  ['qemu://host/system', 'tls', 'qemu:///system'],
  ['qemu+tls://host.example:1234/system?pkipath=/p', 'tls', 'qemu:///system'],
  ['qemu+tcp://[::1]:5/system', 'tcp', 'qemu:///system'],
  ['qemu+ssh://root@host/system?keyfile=/k&foo=b', 'ssh', 'qemu:///system?foo=b'],
  ['qemu+ssh://host/?name=test:///default', 'ssh', 'test:///default'],
])('%s goes over %s and asks the daemon for %s', (text, transport, remoteName) => {
  expect(parseUri(text)).toMatchObject({ transport, remoteName });
});

test('host, port and user are read apart', () => {
  expect(parseUri('qemu+ssh://ad%6Din@[fe80::1]:22/system')).toMatchObject({
    user: 'admin',
    host: 'fe80::1',
    port: 22,
  });
});

test.each([
  'system',
  '/run/libvirt/libvirt-sock',
  'qemu:system',
  'qemu+carrier-pigeon:///system',
  'qemu+libssh2://host/system',
  'qemu+tcp:///system',
  'qemu+unix://host/system',
  'qemu+ssh://root:secret@host/system',
  'qemu://host/system?tls_priority=NORMAL',
  'qemu+ssh://host/system?no_verify=yes',
  'qemu+ssh://host/system?proxy=magic',
])('%s is refused with what is wrong with it', (text) => {
  expect(() => parseUri(text)).toThrow(UriError);
});

test('a user that is not percent-encoded is an error of the URI', () => {
  expect(() => parseUri('qemu+ssh://%zz@kvm1/system')).toThrow(UriError);
});

test("the modular daemon's socket is tried before libvirtd's, the read-only one when that is enough", () => {
  expect(socketCandidates(parseUri('qemu:///system'), true, root)).toEqual([
    '/var/run/libvirt/virtqemud-sock-ro',
    '/var/run/libvirt/libvirt-sock-ro',
  ]);
  expect(socketCandidates(parseUri('qemu:///system?mode=legacy'), false, root)).toEqual([
    '/var/run/libvirt/libvirt-sock',
  ]);
  expect(socketCandidates(parseUri('qemu:///system?mode=direct'), false, root)).toEqual([
    '/var/run/libvirt/virtqemud-sock',
  ]);
  expect(socketCandidates(parseUri('test:///default'), false, root)).toEqual([
    '/var/run/libvirt/libvirt-sock',
  ]);
  expect(
    socketCandidates(parseUri('qemu:///session'), true, {
      ...root,
      uid: 1000,
      env: { XDG_RUNTIME_DIR: '/x' },
    }),
  ).toEqual(['/x/libvirt/virtqemud-sock', '/x/libvirt/libvirt-sock']);
});

test("an ordinary user's certificates are taken only where all of them are there", async () => {
  const uri = parseUri('qemu://host/system');
  const user = { home: '/home/u', uid: 1000 };
  expect((await pkiFiles(uri, { ...user, exists: async () => true })).cert).toBe(
    '/home/u/.pki/libvirt/clientcert.pem',
  );
  expect((await pkiFiles(uri, { ...user, exists: async () => false })).key).toBe(
    '/etc/pki/libvirt/private/clientkey.pem',
  );
  expect(
    (await pkiFiles(parseUri('qemu://h/system?pkipath=/p'), { ...user, exists: async () => true })).ca,
  ).toBe('/p/cacert.pem');
});

test('ssh gets its arguments as an array, and the far shell only what is safe to quote', () => {
  const args = sshArguments(parseUri('qemu+ssh://root@host:2222/system?keyfile=/k&no_verify=1'), true);
  expect(args.slice(0, -1)).toEqual([
    '-p',
    '2222',
    '-l',
    'root',
    '-i',
    '/k',
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'BatchMode=yes',
    '-T',
    '-e',
    'none',
    '--',
    'host',
  ]);
  expect(args.at(-1)).toContain('virt-ssh-helper -r "qemu:///system"');
});

test('a named socket needs netcat, a session URI the helper', () => {
  const netcat = remoteCommand(parseUri('qemu+ssh://h/system?socket=/s'), false);
  expect(netcat).toContain('-U /s');
  expect(netcat).not.toContain('virt-ssh-helper');
  expect(remoteCommand(parseUri('qemu+ssh://h/session'), false)).toBe(
    `sh -c 'exec virt-ssh-helper "qemu:///session"'`,
  );
});

test.each([
  'qemu+ssh://-oProxyCommand=x/system',
  'qemu+ssh://-l@host/system',
  "qemu+ssh://host/system?socket=/s'%3Btouch%20x%3B'",
  'qemu+ssh://host/system?netcat=nc%20-e%20sh',
  'qemu+ssh://host/system?name=qemu:///$(touch%20x)',
  'qemu+ssh://host/system?keyfile=-oProxyCommand%3Dx',
])('%s reaches no shell', (text) => {
  expect(() => sshArguments(parseUri(text), false)).toThrow(UriError);
});
