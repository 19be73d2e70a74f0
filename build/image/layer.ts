import { spawn } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { createWriteStream, readdirSync, renameSync, statSync } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Layer } from './documents.ts';

/**
 * Packs a folder as a layer: a tar that depends only on names, contents, modes and the date, compressed with gzip,
 * since Docker before 23 cannot read zstd.
 * @param blobs the folder for the result, which is named by its digest
 * @param dateSeconds modification time of all files, since 1970
 * @throws when tar fails
 */
export async function packLayer(
  folder: string,
  blobs: string,
  dateSeconds: number,
  comment: string,
): Promise<Layer> {
  const flags = [
    ...['--create', '--format=ustar', '--sort=name', `--mtime=@${dateSeconds}`],
    ...['--owner=0', '--group=0', '--numeric-owner', '--directory', folder],
  ];
  const tar = spawn('tar', [...flags, ...readdirSync(folder).sort()], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve, reject) =>
    tar.once('error', reject).once('close', resolve),
  );
  const [plain, packed] = [createHash('sha256'), createHash('sha256')];
  const file = `${blobs}/unfinished`;
  await pipeline(
    tar.stdout,
    through(plain),
    createGzip({ level: 6 }),
    through(packed),
    createWriteStream(file),
  );
  const status = await ended;
  if (status !== 0) throw new Error(`tar of ${folder} ended with status ${status}`);
  const [diffId, digest] = [plain, packed].map((hash) => hash.digest('hex')) as [string, string];
  const size = statSync(file).size;
  renameSync(file, `${blobs}/${digest}`);
  return { digest: `sha256:${digest}`, diffId: `sha256:${diffId}`, size, comment };
}

function through(hash: Hash): Transform {
  return new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
}
