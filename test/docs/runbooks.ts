import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../docs/runbooks');

/** Sections of each runbook, in this order. */
export const SECTIONS = ['Meaning', 'Impact', 'Diagnosis', 'Mitigation', 'Verification'] as const;

/** Programs that a runbook may run, besides shell keywords and builtins. */
export const PROGRAMS: ReadonlySet<string> = new Set(
  `virtune virsh virt-admin qemu-img ssh curl ping systemctl journalctl dmesg gcore amtool cat ceph chmod
    chronyc df dmsetup echo fallocate free grep head iostat ip iscsiadm kill ls migratepages mkswap multipath numastat pgrep pidof pidstat ps
    sed swapoff swapon sysctl systemd-detect-virt tail time timedatectl top uptime vmstat`.split(/\s+/),
);

/** Values that an operator fills in, as in the table of the folder's README. */
export type Placeholders = Readonly<Record<string, string>>;

/** A command or query of a runbook, with its placeholders. */
export interface Line {
  readonly runbook: string;
  readonly section: string;
  readonly text: string;
}

export interface Runbook {
  readonly alert: string;
  readonly text: string;
  readonly headings: readonly string[];
  /** In blocks and inline code, only in sections with instructions: not in Meaning and Impact. */
  readonly commands: readonly Line[];
  /** In blocks. */
  readonly queries: readonly Line[];
  /** Inline code that is not a command. */
  readonly spans: readonly Line[];
}

/** Every runbook, by its alert. */
export function readRunbooks(): Runbook[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.md') && file !== 'README.md')
    .map((file) => parseRunbook(file.slice(0, -'.md'.length), readFileSync(join(FOLDER, file), 'utf8')));
}

/** The folder's README, which explains runbooks and their placeholders. */
export const readGuide = (): Runbook =>
  parseRunbook('README', readFileSync(join(FOLDER, 'README.md'), 'utf8'));

export function parseRunbook(alert: string, text: string): Runbook {
  const [, ...parts] = text.split(/^## /m);
  const sections = parts.map((part) => {
    const end = part.indexOf('\n');
    return { section: part.slice(0, end), body: part.slice(end + 1) };
  });
  const explaining = new Set<string>(['Meaning', 'Impact']);
  const lines = (find: (body: string) => string[], within = sections): Line[] =>
    within.flatMap(({ section, body }) =>
      find(body).map((line) => ({ runbook: alert, section, text: line })),
    );
  // Other sections mention commands without meaning them to be run.
  const acting = sections.filter(({ section }) => !explaining.has(section));
  return {
    alert,
    text,
    headings: sections.map(({ section }) => section),
    commands: lines((body) => [...blocksOf(body, 'sh'), ...spansOf(body).filter(isCommand)], acting),
    queries: lines((body) => blocksOf(body, 'promql')),
    spans: lines((body) => spansOf(body).filter((span) => !isCommand(span))),
  };
}

/** Lines of all blocks in that language, without comments. */
function blocksOf(body: string, language: string): string[] {
  return [...body.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].flatMap(
    ([, block = '']) =>
      block
        .split('\n')
        .map((line) => line.replace(/\s+# .*$/, '').trim())
        .filter((line) => line !== ''),
  );
}

function spansOf(body: string): string[] {
  return [...body.replaceAll(/^```.*?^```$/gms, '').matchAll(/`([^`]+)`/g)].map(([, span = '']) =>
    span.replaceAll(/\s+/g, ' '),
  );
}

/** A program with arguments; a bare name is just a word of the sentence. */
const isCommand = (span: string): boolean =>
  span.includes(' ') && PROGRAMS.has(span.slice(0, span.indexOf(' ')));

/** A query that returns a series once the condition is over: any of Verification, or the one the page names. */
export function isVerifiedBy({ text, queries }: Runbook): string {
  const verification = text.slice(text.indexOf('## Verification'));
  const operator = verification.includes('One of these returns a series') ? ' or ' : ' and ';
  return queries
    .filter(({ section }) => section === 'Verification')
    .map((query) => `count(${query.text})`)
    .join(operator);
}

/** A command or query with its placeholders replaced by these values. */
export function filled(text: string, placeholders: Placeholders): string {
  return text.replaceAll(/\b[A-Z]{2,}\b/g, (name) => placeholders[name] ?? name);
}
