import type { Letters } from '../../exporter/elasticsearch/dead-letters/letter.ts';
import { type Kept, LetterBox } from '../../exporter/elasticsearch/dead-letters/letter-box.ts';
import { isSelected, type LetterFlags } from './letter-flags.ts';

/**
 * Calls `work`, file by file, with the letters selected by the flags; `work` returns those to keep. Letters not
 * selected are kept.
 * @param others collects the streams of letters that are not selected
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
