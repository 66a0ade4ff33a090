/** The folder in which relative paths start: where the user stands. */
import { realpathSync } from "node:fs";
import { resolve } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** The project's folder, where `deno.json` is. */
const PROJECT = resolve(import.meta.dirname!, "../../..");

/** Folders that the settings name by default; they stay where they were. */
const DEFAULTS = { SULCUS_DATA: "data", SULCUS_MODELS: "models" } as const;

/**
 * Goes back to the user's folder, which `deno task` leaves for the project's and keeps in `INIT_CWD`. A program that was
 * started otherwise stays, whatever npm left in that variable.
 * @returns the environment, in which the default folders are still the project's
 */
export function standWithUser(env: Environment): Environment {
  const from = Deno.cwd(), to = env.INIT_CWD;
  if (!to || realpathSync(from) !== realpathSync(PROJECT) || resolve(to) === from) return env;
  try {
    Deno.chdir(to);
  } catch {
    return env; // The folder has gone since.
  }
  const defaults = Object.entries(DEFAULTS).filter(([name]) => !env[name] && !env[`${name}_FILE`])
    .map(([name, folder]) => [name, resolve(from, folder)]);
  return { ...env, ...Object.fromEntries(defaults) };
}
