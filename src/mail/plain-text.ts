/**
 * Breaks lines at blanks so that no line exceeds the width. Longer words, such as links, stay
 * whole. Lines that begin with a blank already have their layout and stay unchanged.
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
