/** `deno task attack URL`: attacks a service with logins, for instance one in its container; exit code 1 on a finding. */
import { attack } from "./attack.ts";
import { flagsOf, refuseWords } from "../flags.ts";

const { positionals: [url] } = flagsOf({ allowPositionals: true, options: {} });
if (url === undefined || !URL.canParse(url)) refuseWords("expected the address of a service");
const found = await attack(url);
console.log(JSON.stringify({ url, found }, null, 2));
Deno.exit(found.length > 0 ? 1 : 0);
