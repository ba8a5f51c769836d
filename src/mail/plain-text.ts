/**
 * Breaks lines at blanks so that none is longer than the width. Words that are longer, such as
 * links, stay whole; lines that begin with a blank are laid out already and stay as they are.
 */
export function wrap(text: string, width: number): string {
  return text
    .split('\n')
    .map((line) => (line.length <= width || line.startsWith(' ') ? line : wrapLine(line, width)))
    .join('\n');
}

function wrapLine(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines.join('\n');
}
