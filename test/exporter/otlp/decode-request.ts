/**
 * Decodes an ExportMetricsServiceRequest by the field numbers of opentelemetry-proto 1.x (metrics.proto, common.proto),
 * independently of the package that encodes it. In test/live/otlp.live.ts a real Collector decodes the same.
 */

export interface DecodedPoint {
  readonly attributes: Readonly<Record<string, string>>;
  readonly startNs: bigint;
  readonly timeNs: bigint;
  /** Of a gauge or a sum. */
  readonly value: number | undefined;
  readonly histogram:
    | {
        readonly count: number;
        readonly sum: number | undefined;
        readonly counts: readonly number[];
        readonly bounds: readonly number[];
      }
    | undefined;
}

export interface DecodedMetric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'sum' | 'histogram';
  /** AggregationTemporality: 2 is cumulative. */
  readonly temporality: number;
  readonly isMonotonic: boolean;
  readonly points: readonly DecodedPoint[];
}

export interface DecodedResource {
  readonly attributes: Readonly<Record<string, string>>;
  readonly scope: { readonly name: string; readonly version: string };
  readonly metrics: readonly DecodedMetric[];
}

type Fields = ReadonlyMap<number, readonly (bigint | Buffer)[]>;

function read(bytes: Buffer): Fields {
  const fields = new Map<number, (bigint | Buffer)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('the message ends within a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const type = tag & 7;
    let value: bigint | Buffer;
    if (type === 0) value = varint();
    else if (type === 1) {
      value = bytes.subarray(at, at + 8);
      at += 8;
    } else if (type === 2) {
      const length = Number(varint());
      value = bytes.subarray(at, at + length);
      at += length;
    } else throw new RangeError(`wire type ${type}`);
    if (at > bytes.length) throw new RangeError('the message ends within a field');
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}

const all = (fields: Fields, number: number): Buffer[] => (fields.get(number) ?? []) as Buffer[];
const one = (fields: Fields, number: number): Buffer | undefined => all(fields, number).at(-1);
const text = (fields: Fields, number: number): string => one(fields, number)?.toString() ?? '';
const integer = (fields: Fields, number: number): number => Number(fields.get(number)?.at(-1) ?? 0n);

function attributes(fields: Fields, number: number): Record<string, string> {
  const pairs = all(fields, number).map((bytes) => {
    const pair = read(bytes);
    return [text(pair, 1), text(read(one(pair, 2) ?? Buffer.alloc(0)), 1)] as const;
  });
  if (new Set(pairs.map(([key]) => key)).size < pairs.length) throw new Error('an attribute twice');
  return Object.fromEntries(pairs);
}

const doubles = (bytes: Buffer | undefined): number[] =>
  Array.from({ length: (bytes?.length ?? 0) / 8 }, (_, index) => (bytes as Buffer).readDoubleLE(index * 8));
const longs = (bytes: Buffer | undefined): number[] =>
  Array.from({ length: (bytes?.length ?? 0) / 8 }, (_, index) =>
    Number((bytes as Buffer).readBigUInt64LE(index * 8)),
  );

function point(bytes: Buffer, isHistogram: boolean): DecodedPoint {
  const fields = read(bytes);
  const [count = 0] = isHistogram ? longs(one(fields, 4)) : [];
  return {
    attributes: attributes(fields, isHistogram ? 9 : 7),
    startNs: one(fields, 2)?.readBigUInt64LE() ?? 0n,
    timeNs: one(fields, 3)?.readBigUInt64LE() ?? 0n,
    value: isHistogram ? undefined : one(fields, 4)?.readDoubleLE(),
    histogram: isHistogram
      ? {
          count,
          sum: one(fields, 5)?.readDoubleLE(),
          counts: longs(one(fields, 6)),
          bounds: doubles(one(fields, 7)),
        }
      : undefined,
  };
}

const KINDS = { 5: 'gauge', 7: 'sum', 9: 'histogram' } as const;

function metric(bytes: Buffer): DecodedMetric {
  const fields = read(bytes);
  const [number] = ([5, 7, 9] as const).filter((each) => fields.has(each));
  if (number === undefined) throw new Error('a metric without data');
  const data = read(one(fields, number) as Buffer);
  return {
    name: text(fields, 1),
    description: text(fields, 2),
    unit: text(fields, 3),
    kind: KINDS[number],
    temporality: integer(data, 2),
    isMonotonic: integer(data, 3) === 1,
    points: all(data, 1).map((each) => point(each, number === 9)),
  };
}

export function decodeRequest(body: Uint8Array): DecodedResource[] {
  return all(read(Buffer.from(body)), 1).map((bytes) => {
    const resource = read(bytes);
    const scopes = all(resource, 2).map(read);
    const [scope] = scopes;
    const about = read((scope && one(scope, 1)) ?? Buffer.alloc(0));
    return {
      attributes: attributes(read(one(resource, 1) ?? Buffer.alloc(0)), 1),
      scope: { name: text(about, 1), version: text(about, 2) },
      metrics: scopes.flatMap((each) => all(each, 2)).map(metric),
    };
  });
}
