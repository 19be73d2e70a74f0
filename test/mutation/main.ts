import { parseArgs } from 'node:util';
import { Coverage, readSources } from './coverage.ts';
import { FOLDERS, type Folder } from './folders.ts';
import { type Mutant, mutantsOf } from './mutants.ts';
import { Runner } from './runner.ts';
import { sampled } from './sample.ts';
import { edited } from './syntax.ts';

/**
 * Makes small changes to the code and checks whether a test fails: `npm run mutate -- --sample 40 --seed 1 sampler`.
 * Arguments are names of folders, or files with or without a line; without arguments, all folders. All mutants of a
 * line are used.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    minimum: { type: 'string', default: '0' },
    /** Only these files or folders of tests. */
    tests: { type: 'string', multiple: true },
    verbose: { type: 'boolean', default: false },
  },
});

interface Verdict {
  readonly mutant: Mutant;
  readonly outcome: 'killed' | 'timeout' | 'survived' | 'not reached';
  readonly by?: string;
}

const say = (text: string): void => console.error(text);

/** @param places files, or lines of files as `file:line`; none: all */
async function verdictsOf(folder: Folder, places: readonly string[]): Promise<Verdict[]> {
  const sources = readSources(folder.sources);
  const all = [...sources]
    .flatMap(([file, text]) => mutantsOf(file, text))
    .filter(
      ({ file, line }) => places.length === 0 || places.includes(file) || places.includes(`${file}:${line}`),
    );
  const mutants = sampled(
    all,
    values.sample === 'all' ? all.length : Number(values.sample),
    Number(values.seed),
  );
  const mutated = new Set(mutants.map(({ file }) => file));
  const coverage = new Coverage(new Map([...sources].filter(([file]) => mutated.has(file))));
  const dry = new Runner(0);
  say(`${folder.name}: ${mutants.length} of ${all.length} mutants; running the tests once`);
  await coverage.measure(values.tests ?? folder.tests, dry, say);
  dry.stop();
  const verdicts: Verdict[] = [];
  const queue = [...mutants];
  await Promise.all(
    Array.from({ length: Number(values.jobs) }, async () => {
      const runner = new Runner(1);
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const verdict = await verdictOf(mutant, sources.get(mutant.file) ?? '', coverage, runner);
        verdicts.push(verdict);
        if (values.verbose || isAlive(verdict)) say(`${verdicts.length} ${lineOf(verdict)}`);
      }
      runner.stop();
    }),
  );
  return verdicts;
}

async function verdictOf(mutant: Mutant, text: string, coverage: Coverage, runner: Runner): Promise<Verdict> {
  const sources = { [mutant.file]: edited(text, mutant) };
  const reaching = coverage.reaching(mutant);
  if (reaching.length === 0) return { mutant, outcome: 'not reached' };
  for (const { file, tests, ms } of reaching) {
    const report = await runner.run({ file, tests, sources }, 15_000 + 5 * ms);
    if (report === undefined) return { mutant, outcome: 'timeout', by: file };
    if (report.failed) {
      const name = report.tests.find(({ state }) => state === 'failed')?.name ?? 'it does not load';
      return { mutant, outcome: 'killed', by: `${file}: ${name}` };
    }
  }
  return { mutant, outcome: 'survived' };
}

const isAlive = ({ outcome }: Verdict): boolean => outcome === 'survived' || outcome === 'not reached';

function lineOf({ mutant, outcome, by }: Verdict): string {
  const short = (text: string): string => text.replaceAll(/\s+/g, ' ').slice(0, 100);
  const what = mutant.text === '' ? 'left out' : `-> ${short(mutant.text)}`;
  return `${mutant.file}:${mutant.line}  ${short(mutant.from)}  ${what}  (${outcome}${by ? ` by ${by}` : ''})`;
}

const rows: { folder: string; mutants: number; killed: number; survived: number; score: string }[] = [];
const alive: string[] = [];
let lowest = 100;
const places = positionals.filter((each) => each.includes('.ts'));
const chosen = FOLDERS.filter(
  ({ name, sources }) =>
    positionals.length === 0 ||
    positionals.includes(name) ||
    places.some((place) => readSources(sources).has(place.replace(/:\d+$/, ''))),
);
for (const folder of chosen) {
  const verdicts = await verdictsOf(folder, places);
  const survivors = verdicts.filter(isAlive);
  const killed = verdicts.length - survivors.length;
  const score = (100 * killed) / Math.max(1, verdicts.length);
  lowest = Math.min(lowest, score);
  rows.push({
    folder: folder.name,
    mutants: verdicts.length,
    killed,
    survived: survivors.length,
    score: `${score.toFixed(0)} %`,
  });
  alive.push(...survivors.map(lineOf));
}
console.log(`seed ${values.seed}, ${values.sample} mutants per folder`);
console.table(rows);
console.log(['survivors:', ...alive.sort()].join('\n  '));
process.exitCode = lowest < Number(values.minimum) ? 1 : 0;
