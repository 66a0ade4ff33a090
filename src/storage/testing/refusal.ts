/** The check of a refusal in tests. */

/** Reports whether an error is a `DomainError` with this code and a message that matches; for `assert.rejects`. */
export function refusal(code: string, message: RegExp): (error: unknown) => true {
  return (error) => {
    if (!(error instanceof Error) || !("code" in error) || error.code !== code || !message.test(error.message)) {
      throw new Error(`Expected ${code} with ${message}, got ${error}`, { cause: error });
    }
    return true;
  };
}
