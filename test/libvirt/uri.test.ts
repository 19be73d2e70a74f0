import { expect, test } from 'vitest';
import { UriError } from '../../libvirt/errors.ts';
import { pkiFiles } from '../../libvirt/transport/pki.ts';
import { remoteCommand, sshArguments } from '../../libvirt/transport/ssh.ts';
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

test.each(['qemu+ssh://%zz@kvm1/system', 'qemu:///system?socket=/run/100%', 'qemu:///system?%zz=1'])(
  '%s, which is not percent-encoded, is an error of the URI',
  (text) => {
    expect(() => parseUri(text)).toThrow(UriError);
    expect(() => parseUri(text)).toThrow('write % as %25');
  },
);

test.each([
  ['socket=/run/c++/sock', { socket: '/run/c++/sock' }],
  ['socket=/run/a%20b%2Bc', { socket: '/run/a b+c' }],
  ['socket=/s;mode=direct', { socket: '/s', mode: 'direct' }],
  ['no_tty=1&socket=/s;mode=direct', { no_tty: '1', socket: '/s', mode: 'direct' }],
  // Only after the last &.
  ['socket=/s;t&mode=direct', { socket: '/s;t', mode: 'direct' }],
  ['socket=/a=b&&=c&no_tty', { socket: '/a=b', no_tty: '' }],
])("the parameters of %s are read as libvirt's clients read them", (query, params) => {
  expect(Object.fromEntries(parseUri(`qemu:///system?${query}`).params)).toEqual(params);
});

test('a plus in a parameter for the daemon stays one', () => {
  expect(parseUri('qemu:///system?foo=c++&socket=/s').remoteName).toBe('qemu:///system?foo=c%2B%2B');
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

/** Certificate files for a user with these files in the home folder. */
const filesOfUser = (has: readonly string[], uid = 1_000, uri = 'qemu://host/system') =>
  pkiFiles(parseUri(uri), {
    home: '/home/u',
    uid,
    exists: async (path) => has.some((name) => path === `/home/u/.pki/libvirt/${name}`),
  });
const USERS = {
  ca: '/home/u/.pki/libvirt/cacert.pem',
  crl: '/home/u/.pki/libvirt/cacrl.pem',
  cert: '/home/u/.pki/libvirt/clientcert.pem',
  key: '/home/u/.pki/libvirt/clientkey.pem',
};
const SYSTEMS = {
  ca: '/etc/pki/CA/cacert.pem',
  crl: '/etc/pki/CA/cacrl.pem',
  cert: '/etc/pki/libvirt/clientcert.pem',
  key: '/etc/pki/libvirt/private/clientkey.pem',
};
const { ca, crl, ...pair } = USERS;

test.each([
  [['cacert.pem', 'cacrl.pem', 'clientcert.pem', 'clientkey.pem'], USERS],
  [['cacrl.pem'], { ...SYSTEMS, crl }],
  [['clientcert.pem', 'clientkey.pem'], { ...SYSTEMS, ...pair }],
  [['cacert.pem'], { ...SYSTEMS, ca }],
  [['cacert.pem', 'clientcert.pem'], { ...SYSTEMS, ca }],
  [['clientkey.pem'], SYSTEMS],
  [[], SYSTEMS],
])(
  'of the certificates of an ordinary user with %j, the others are those of the system',
  async (has, files) => {
    expect(await filesOfUser(has)).toEqual(files);
  },
);

test('root takes the certificates of the system, and pkipath= is taken whole', async () => {
  const all = ['cacert.pem', 'clientcert.pem', 'clientkey.pem'];
  expect(await filesOfUser(all, 0)).toEqual(SYSTEMS);
  expect(await filesOfUser(all, 1_000, 'qemu://h/system?pkipath=/p')).toEqual({
    ca: '/p/cacert.pem',
    crl: '/p/cacrl.pem',
    cert: '/p/clientcert.pem',
    key: '/p/clientkey.pem',
  });
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
