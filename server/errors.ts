/** The kinds of errors a request can end in. Each is thrown where it is found, translated once. */

export type ErrorCode =
  | 'invalid_path'
  | 'invalid_parameter'
  | 'invalid_exposition'
  | 'invalid_encoding'
  | 'unknown_encoding'
  | 'body_too_large'
  | 'not_found'
  | 'overloaded'

/** An error with a stable code, whose message may be shown to whoever sent the request. */
export class SluiceError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string) {
    super(message)
    this.name = 'SluiceError'
    this.code = code
  }
}

/** A body that is not in the format it was read as, with the line where reading stopped. */
export class InvalidExposition extends SluiceError {
  readonly line: number

  /** @param format what the body was read as */
  constructor(format: string, line: number, message: string) {
    super('invalid_exposition', `${format} parsing error in line ${line}: ${message}`)
    this.name = 'InvalidExposition'
    this.line = line
  }
}
