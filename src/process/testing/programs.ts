/** Programs of the machine that some tests need. */

/** Whether a program is there and ends well. To spawn one that is not there throws at once, not by a promise. */
export async function runs(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}
