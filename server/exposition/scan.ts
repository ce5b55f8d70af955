/** Bytes of the text format and what they mean; shared by the parser's states. */

export const TAB = 0x09
export const LINE_FEED = 0x0a
export const SPACE = 0x20
export const QUOTE = 0x22
export const HASH = 0x23
export const COMMA = 0x2c
export const EQUALS = 0x3d
export const BACKSLASH = 0x5c
export const BRACE_OPEN = 0x7b
export const BRACE_CLOSE = 0x7d
export const LOWER_N = 0x6e

/** Bytes below it sort before or as a line feed, which separates what is compared. */
export const PLAIN_MIN = 0x0b

/** Character classes, one flag each, looked up by byte. */
export const LABEL_START = 1
export const METRIC_START = 2
export const LABEL_PART = 4
export const METRIC_PART = 8

export const CLASS = new Uint8Array(256)

for (let byte = 0; byte < 256; byte++) {
  const letter = (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) || byte === 0x5f
  const digit = byte >= 0x30 && byte <= 0x39
  if (letter) CLASS[byte] = LABEL_START | METRIC_START | LABEL_PART | METRIC_PART
  else if (digit) CLASS[byte] = LABEL_PART | METRIC_PART
  else if (byte === 0x3a) CLASS[byte] = METRIC_START | METRIC_PART
}

/** A byte as an error message shows it. */
export function quoteByte(byte: number): string {
  return JSON.stringify(String.fromCharCode(byte))
}
