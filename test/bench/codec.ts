import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as xdr from '@stellar/js-xdr';
import { calls } from '../../libvirt/calls/all.ts';
import { XdrReader, XdrWriter } from '../../libvirt/wire/xdr.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import { fixed, median, table } from './table.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/all-domain-stats-libvirt-9.0.0.bin');
const FRAME_HEAD_BYTES = 28;
const ROUNDS = 15;
const REPEATS = 300;

/** The same reply as a schema of @stellar/js-xdr. */
function stellarSchema() {
  const text = () => xdr.string(4_194_304);
  const value = xdr.union('Value', {
    switchOn: xdr.int32(),
    cases: [
      xdr.case('int', 1, xdr.field('v', xdr.int32())),
      xdr.case('uint', 2, xdr.field('v', xdr.uint32())),
      xdr.case('llong', 3, xdr.field('v', xdr.int64())),
      xdr.case('ullong', 4, xdr.field('v', xdr.uint64())),
      xdr.case('double', 5, xdr.field('v', xdr.double())),
      xdr.case('boolean', 6, xdr.field('v', xdr.int32())),
      xdr.case('string', 7, xdr.field('v', text())),
    ],
  });
  const domain = xdr.struct('Domain', { name: text(), uuid: xdr.opaque(16), id: xdr.int32() });
  const param = xdr.struct('Param', { field: text(), value });
  const record = xdr.struct('Record', { domain, params: xdr.array(param, 262_144) });
  return xdr.struct('Reply', { records: xdr.array(record, 16_384) });
}

/** Median time of one run, µs. */
function timeUs(run: () => unknown): number {
  for (let i = 0; i < REPEATS; i++) run();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startedMs = performance.now();
    for (let i = 0; i < REPEATS; i++) run();
    times.push(((performance.now() - startedMs) * 1_000) / REPEATS);
  }
  return median(times);
}

/** Our codec compared with @stellar/js-xdr, on a GetAllDomainStats reply of libvirt 9.0.0 for 21 guests. */
export async function codec(): Promise<string> {
  const payload = readFileSync(FIXTURE).subarray(FRAME_HEAD_BYTES);
  const { ret } = calls.connectGetAllDomainStats;
  const ours = ret.read(new XdrReader(payload));
  const schema = stellarSchema();
  const theirs = schema.decode(payload);
  const params = ours.records.reduce((sum, record) => sum + record.params.length, 0);
  const theirParams = theirs.records.reduce((sum, record) => sum + record.params.length, 0);
  if (params !== theirParams) throw new Error(`the two decode to ${params} and ${theirParams} parameters`);
  const write = (): Buffer => {
    const writer = new XdrWriter(payload.length);
    ret.write(writer, ours);
    return writer.finish();
  };
  if (!write().equals(payload) || !Buffer.from(schema.encode(theirs)).equals(payload)) {
    throw new Error('what was decoded does not encode to the same bytes');
  }
  const [ourDecode, theirDecode] = [
    timeUs(() => ret.read(new XdrReader(payload))),
    timeUs(() => schema.decode(payload)),
  ];
  const [ourEncode, theirEncode] = [timeUs(write), timeUs(() => schema.encode(theirs))];
  const understood = timeUs(() => ours.records.map((record) => readDomainStats(record.params)));
  const row = (what: string, us: number, other: number): string[] => [
    what,
    fixed(us, 0),
    fixed(us / ours.records.length),
    Number.isNaN(other) ? '-' : fixed(other, 0),
    Number.isNaN(other) ? '-' : fixed(other / us),
  ];
  const head = ['', 'ours µs', 'µs per guest', '@stellar/js-xdr µs', 'theirs / ours'];
  const rows = [
    row('decode', ourDecode, theirDecode),
    row('encode', ourEncode, theirEncode),
    row('to DomainStats', understood, Number.NaN),
  ];
  return `### XDR: a real reply of ${payload.length} bytes, ${ours.records.length} guests, ${params} parameters\n\n${table(head, rows)}`;
}
