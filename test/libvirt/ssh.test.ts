import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { openSsh, startText } from '../../libvirt/transport/ssh.ts';
import { parseUri } from '../../libvirt/uri.ts';

test.each([
  ['EAGAIN', /^spawn ssh EAGAIN; there are too many processes: raise TasksMax=/],
  ['EMFILE', /too many open files: raise LimitNOFILE=/],
  ['ENFILE', /too many open files: raise LimitNOFILE=/],
  ['ENOMEM', /; the host is out of memory$/],
  ['ENOENT', /; check that ssh is installed and can be executed$/],
])('of ssh that cannot be started for %s the error says what to do', (code, text) => {
  expect(startText('ssh', Object.assign(new Error(`spawn ssh ${code}`), { code }))).toMatch(text);
});

test('ssh that is not there is an error of the connection', async () => {
  const uri = parseUri('qemu+ssh://kvm1/system?command=/nowhere/ssh');
  await expect(openSsh(uri, true, new AbortController().signal)).rejects.toMatchObject({
    code: 'LIBVIRT_SSH',
    message: expect.stringContaining(
      'cannot start ssh: spawn /nowhere/ssh ENOENT; check that /nowhere/ssh is installed',
    ),
  });
});

test('ssh that cannot be started for lack of descriptors is an error of the connection, and ends no process', () => {
  const of = (file: string): string => JSON.stringify(new URL(`../../libvirt/${file}`, import.meta.url).href);
  const script = `
    import { openSync } from 'node:fs';
    import { openSsh } from ${of('transport/ssh.ts')};
    import { parseUri } from ${of('uri.ts')};
    const uri = parseUri('qemu+ssh://kvm1/system?command=/bin/true');
    try { for (;;) openSync('/dev/null', 'r'); } catch {}
    await openSsh(uri, true, new AbortController().signal).catch(({ code, message }) => console.log(code, message));
    setImmediate(() => console.log('goes on'));`;
  const { stdout, stderr } = spawnSync(
    'bash',
    ['-c', 'ulimit -n 64 && exec "$0" --input-type=module --eval "$1"', process.execPath, script],
    { encoding: 'utf8' },
  );
  expect(stdout, stderr).toMatch(/^LIBVIRT_SSH .*EMFILE; there are too many open files.*\ngoes on\n$/);
});
