import type { Letters } from '../../exporter/elasticsearch/dead-letters/letter.ts';
import { type Kept, LetterBox } from '../../exporter/elasticsearch/dead-letters/letter-box.ts';
import { isSelected, type LetterFlags } from './letter-flags.ts';

/**
 * Hands out, file by file, the letters that the flags select; the others are kept. `work` returns what to keep.
 * @param others gets the streams of letters that are not selected
 */
export async function eachFile(
  queueDir: string,
  flags: LetterFlags,
  others: Set<string>,
  work: (selected: Letters) => Promise<Kept>,
): Promise<void> {
  const box = await LetterBox.open(queueDir, Date.now());
  try {
    await box?.each(async ({ letters, damaged }) => {
      const notSelected = letters.filter((letter) => !isSelected(letter, flags));
      for (const { index } of notSelected) others.add(index);
      const kept = await work({ letters: letters.filter((letter) => isSelected(letter, flags)), damaged });
      return { ...kept, letters: [...notSelected, ...kept.letters] };
    });
  } finally {
    await box?.close();
  }
}
