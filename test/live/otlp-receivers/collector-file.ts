import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Receiver } from './receivers.ts';

/** File in the receiver's folder to which a Collector with fileConfig writes what it decoded. */
const FILE = 'received.jsonl';

/** A point as the file exporter writes it: 64-bit numbers are text. */
export interface FilePoint {
  readonly startTimeUnixNano?: string;
  readonly timeUnixNano: string;
  readonly count?: string;
  readonly bucketCounts?: readonly string[];
  readonly explicitBounds?: readonly number[];
}

interface FileData {
  readonly dataPoints: readonly FilePoint[];
}

export interface FileMetric {
  readonly name: string;
  readonly gauge?: FileData;
  readonly sum?: FileData & { readonly aggregationTemporality: number; readonly isMonotonic: boolean };
  readonly histogram?: FileData;
}

/** A configuration of a Collector that writes to a file what it receives at this port. */
export function fileConfig(port: number, folder: string): object {
  return {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { file: { path: join(folder, FILE), append: true } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { metrics: { receivers: ['otlp'], exporters: ['file'] } },
    },
  };
}

/** What it has written so far; complete once it has ended. */
export function received({ folder }: Receiver): FileMetric[] {
  const lines = readFileSync(join(folder, FILE), 'utf8').trim().split('\n');
  return lines
    .map((line) => JSON.parse(line) as FileRequest)
    .flatMap(({ resourceMetrics }) => resourceMetrics)
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .flatMap(({ metrics }) => metrics);
}

interface FileRequest {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly FileMetric[] }[];
  }[];
}
