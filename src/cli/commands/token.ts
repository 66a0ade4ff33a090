/** `sulcus token`: makes, lists and revokes API tokens. */
import { PROJECT_NAME, ROLES, Tokens } from "../../identity/mod.ts";
import { keepPrivate, openDatabase } from "../../storage/mod.ts";
import { type Args, checkWords, type Command, refuse, wrong } from "../terminal/args.ts";
import { checkDataDirectory, DATA_FLAGS, JSON_FLAG, settingsOf } from "../options/settings.ts";
import { OPERATOR, operatorWitness } from "../options/operator.ts";
import type { Io } from "../terminal/io.ts";

const ACTIONS = {
  create: { words: ["NAME"], run: create },
  list: { words: [], run: list },
  revoke: { words: ["ID"], run: revoke },
} as const;

export const tokenCommand: Command = {
  name: "token",
  summary: "makes, lists and revokes API tokens",
  usage: [
    `token create NAME --role ${ROLES.join("|")} [--days 90] [--projects A,B]`,
    "token list",
    "token revoke ID",
  ],
  flags: {
    role: {
      value: "ROLE",
      help: `The most that the token may do: ${ROLES.join(", ")}, each with what those before it may`,
    },
    days: { value: "N", help: "How long it is valid, 1 to 3650. Default 90" },
    projects: { value: "A,B", help: "Projects whose data sets and models it shares" },
    data: DATA_FLAGS.data,
    ...JSON_FLAG,
  },
  words: 2,
  notes: `
A token is shown once; the database holds only its Argon2id hash. Programs send it as "Authorization: Bearer TOKEN".
With the embedded database the command works while the server is stopped; a running server makes, lists and revokes
tokens by POST, GET and DELETE /v1/tokens, for administrators.
A revoked token is refused within ten seconds.`,
  run: runToken,
};

async function runToken(args: Args, io: Io): Promise<void> {
  const [name = "", ...words] = args.words;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name as keyof typeof ACTIONS] : undefined;
  if (!action) wrong(`Cannot run token: expected one of ${Object.keys(ACTIONS).join(", ")}, got "${name}"`);
  checkWords(`token ${name}`, action.words, words);
  const { data, databaseUrl } = settingsOf(args, io.env);
  if (name === "create") checkCreate(args, words[0]);
  using _private = keepPrivate();
  await checkDataDirectory(data);
  const database = await openDatabase({ dataDirectory: data, url: databaseUrl });
  try {
    await action.run(new Tokens(database), words[0], { args, io });
  } finally {
    await database.close();
  }
}

interface Call {
  readonly args: Args;
  readonly io: Io;
}

/** Refuses what is wrong before the database is opened. */
function checkCreate(args: Args, name: string): void {
  if (name.length > 100) refuse("role", "a name of at most 100 characters", name);
  args.required("role");
  wishOf(args);
}

function wishOf(args: Args) {
  const projects = args.text("projects")?.split(",").map((project) => project.trim()) ?? [];
  const odd = projects.find((project) => !PROJECT_NAME.test(project));
  if (odd !== undefined) refuse("projects", "names of 1 to 64 letters, digits, '.', '_' and '-'", odd);
  const days = args.whole("days", { least: 1, most: 3650 });
  return { role: args.oneOf("role", ROLES)!, projects, ...(days !== undefined && { days }) };
}

async function create(tokens: Tokens, name: string, { args, io }: Call): Promise<void> {
  const { token, text } = await tokens.create({
    name,
    ...wishOf(args),
    createdBy: OPERATOR.name,
    witness: operatorWitness("token.create", "token"),
  });
  if (args.is("json")) return io.out(JSON.stringify({ type: "result", ...token, token: text }));
  io.err(`Token ${token.id} for ${name}, role ${token.role}, valid until ${token.expiresAt}. It is shown this once:\n`);
  io.out(text);
}

async function list(tokens: Tokens, _: string | undefined, { args, io }: Call): Promise<void> {
  const found = await tokens.list();
  if (args.is("json")) return io.out(JSON.stringify({ type: "result", tokens: found }));
  if (found.length === 0) return io.out("There are no tokens.");
  for (const { id, name, role, expiresAt, revokedAt } of found) {
    const until = revokedAt
      ? `revoked ${revokedAt}`
      : `${Date.parse(expiresAt) > Date.now() ? "until" : "expired"} ${expiresAt}`;
    io.out(`${id}  ${role.padEnd(9)}  ${until}  ${name}`);
  }
}

async function revoke(tokens: Tokens, id: string, { args, io }: Call): Promise<void> {
  const token = await tokens.revoke(id, { witness: operatorWitness("token.revoke", "token", id) });
  if (args.is("json")) io.out(JSON.stringify({ type: "result", ...token }));
  else io.out(`Token ${token.id} is revoked.`);
}
