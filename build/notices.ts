import { readdirSync, readFileSync } from 'node:fs';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name: string };
}

const RULE = '-'.repeat(80);

/**
 * The licences of the bundled packages, with the texts included in each package.
 * @throws when a package states no licence
 */
export function noticesOf(folders: readonly string[]): string {
  const notices = folders.map((folder) => {
    const { name, version, license, author } = JSON.parse(
      readFileSync(`${folder}/package.json`, 'utf8'),
    ) as Manifest;
    if (license === undefined) throw new Error(`${folder}/package.json names no licence: do not bundle it`);
    const texts = readdirSync(folder)
      .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
      .map((file) => readFileSync(`${folder}/${file}`, 'utf8').trim());
    const by = typeof author === 'string' ? author : author?.name;
    const fallback = `The package contains no licence text. Author: ${by ?? 'not named'}.`;
    return [RULE, `${name} ${version} (${license})`, '', ...(texts.length > 0 ? texts : [fallback])].join(
      '\n',
    );
  });
  return `The virtune command contains these packages.\n\n${notices.join('\n\n')}\n`;
}
