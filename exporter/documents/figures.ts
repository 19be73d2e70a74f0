import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { Figure, FigureSet, Info, SubjectMetric, Subjects } from '../../model/catalogue/metric.ts';
import { ratesGroup } from '../../model/catalogue/rates.ts';
import { fitsLong } from './field.ts';
import { CARRIED, fieldsOfMetric, type MetricFields } from './fields.ts';
import type { StreamName } from './streams.ts';

/** `,"name":` in JSON, built once per field. */
const key = (name: string): string => `,${JSON.stringify(name)}:`;

export type WriteToDevice = (stream: StreamName, device: string, text: string) => void;
type Writer<T> = (subject: T, toDevice: WriteToDevice) => string;

/**
 * Writes figures as the inside of a JSON object: `,"name":1,"other":2`. Skips absent values, and label values without a
 * mapping, for each of which `unknown` is called once.
 */
export class FigureWriters {
  readonly #bySubject = new Map<keyof Subjects, Writer<never>[]>();
  readonly #unknown: (field: string) => void;
  readonly #reported = new Set<string>();

  constructor(enabled: ReadonlySet<GroupName>, unknown: (field: string) => void) {
    this.#unknown = unknown;
    for (const group of CARRIED) {
      if (isSwitched(group.name) && !enabled.has(group.name)) continue;
      const text = isSwitched(group.name) ? exact : rounded;
      for (const metric of group.metrics) this.#add(metric, text);
    }
  }

  /** The figures of one subject. Those that belong to a device of the host go to `toDevice`. */
  write<K extends keyof Subjects>(kind: K, subject: Subjects[K], toDevice: WriteToDevice = nowhere): string {
    let text = '';
    for (const writer of (this.#bySubject.get(kind) ?? []) as unknown as Writer<Subjects[K]>[]) {
      text += writer(subject, toDevice);
    }
    return text;
  }

  #add(metric: SubjectMetric, text: NumberText): void {
    const fields = fieldsOfMetric(metric);
    if (fields.kind === 'none') return;
    const writers = this.#bySubject.get(metric.per) ?? [];
    // `per` ties a metric to what it reads; TypeScript does not follow that through a union.
    writers.push(this.#writer(metric as never, fields, text) as never);
    this.#bySubject.set(metric.per, writers);
  }

  #writer<K extends keyof Subjects>(
    metric: Figure<K> | FigureSet<K> | Info<K>,
    fields: MetricFields,
    text: NumberText,
  ): Writer<Subjects[K]> {
    if ('read' in metric) {
      const before = key(metric.name);
      return (subject) => numberField(before, metric.read(subject), text);
    }
    if ('points' in metric) return this.#setWriter(metric, fields, text);
    const labels = Object.entries(metric.labels).map(
      ([label, read]) => [key(`${metric.name}.${label}`), read] as const,
    );
    return (subject) => {
      if (metric.when?.(subject) === false) return '';
      let text = '';
      for (const [before, read] of labels) text += stringField(before, read(subject));
      return text;
    };
  }

  #setWriter<K extends keyof Subjects>(
    metric: FigureSet<K>,
    fields: MetricFields,
    number: NumberText,
  ): Writer<Subjects[K]> {
    if (fields.kind !== 'set') return () => '';
    const { places, device } = fields;
    const keys = new Map([...fields.fields].map(([values, field]) => [values, key(field.name)]));
    return (subject, toDevice) => {
      let text = '';
      for (const [values, value] of metric.points(subject)) {
        const place = places.map((index) => values[index]).join('.');
        const before = keys.get(place);
        if (before === undefined) this.#sayUnknown(`${metric.name}.${place}`);
        else if (device === undefined) text += numberField(before, value, number);
        else toDevice(device.stream, values[device.place] ?? '', numberField(before, value, number));
      }
      return text;
    };
  }

  #sayUnknown(field: string): void {
    // Names come from the host: bound how many are remembered.
    if (this.#reported.has(field) || this.#reported.size > 1_000) return;
    this.#reported.add(field);
    this.#unknown(field);
  }
}

/** Rates cannot be disabled: they follow from other figures. */
function isSwitched(name: string): name is GroupName {
  return name !== ratesGroup.name;
}

function nowhere(): void {}

/** JSON has no NaN or infinity, and a guest may report any number: omit what no field can hold. */
function numberField(before: string, value: number | undefined, text: NumberText): string {
  return value === undefined || !fitsLong(value) ? '' : `${before}${text(value)}`;
}

type NumberText = (value: number) => string;

function exact(value: number): string {
  return String(value);
}

/** Six significant digits fit a float, which takes half the space of a double in an index. */
function rounded(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function stringField(before: string, value: string | undefined): string {
  return value === undefined ? '' : `${before}${JSON.stringify(value)}`;
}
