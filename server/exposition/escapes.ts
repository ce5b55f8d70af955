/** The escapes of label values, quoted names and HELP texts. */

/** Split first: a function called for each escape takes three times as long, and a body may be all escapes. */
export function unescape(text: string): string {
  return text
    .split('\\\\')
    .map((part) => part.replaceAll('\\n', '\n').replaceAll('\\"', '"'))
    .join('\\')
}
