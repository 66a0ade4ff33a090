/** The thread behind {@link checkNetwork}: imports a network and says why it cannot. */
import type { CheckReply, CheckRequest } from "./check_network.ts";
import { importNetwork } from "./loaded_network.ts";

const main = self as unknown as {
  onmessage: (event: MessageEvent<CheckRequest>) => void;
  postMessage(reply: CheckReply): void;
};

main.onmessage = async ({ data: { directory, spec } }) => {
  try {
    await importNetwork(directory, spec);
    main.postMessage(null);
  } catch (error) {
    // The importer's own words name operators and shapes; other errors may name paths.
    const own = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
    main.postMessage(
      own && error.message.startsWith("Cannot ") ? error.message : "Cannot import model: it is unreadable",
    );
  }
};
