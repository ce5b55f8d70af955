/** HTML by tagged template: everything put in is escaped, unless it is markup already. */

export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Insert = string | number | Markup | Markup[]

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function html(strings: TemplateStringsArray, ...inserts: Insert[]): Markup {
  let text = strings[0]!
  for (const [i, insert] of inserts.entries()) text += render(insert) + strings[i + 1]!
  return new Markup(text)
}

function render(insert: Insert): string {
  if (insert instanceof Markup) return insert.text
  if (Array.isArray(insert)) return insert.map((part: Markup) => part.text).join('')
  return String(insert).replace(/[&<>"']/g, (character) => ESCAPES[character]!)
}
