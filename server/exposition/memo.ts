/** What was made of short texts before, up to some number of them; then it begins again. */
export class Memo<Value> {
  private readonly sizeMax: number
  private readonly values = new Map<string, Value>()

  constructor(sizeMax: number) {
    this.sizeMax = sizeMax
  }

  get(text: string): Value | undefined {
    return this.values.get(text)
  }

  /** @param text it is kept in memory, and what it was cut from */
  set(text: string, value: Value): Value {
    if (text.length > TEXT_LENGTH_MAX) return value
    if (this.values.size >= this.sizeMax) this.values.clear()
    this.values.set(text, value)
    return value
  }
}

const TEXT_LENGTH_MAX = 256
