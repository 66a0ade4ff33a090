/** The address of a client, which a proxy that is trusted may name; from anybody else such headers are ignored. */
import { BlockList, isIP } from "node:net";

/** Ranges of addresses: `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`. @throws {RangeError} naming the one that is wrong */
export function addressRanges(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address, bits] = range.split("/");
    const version = isIP(address);
    const length = bits === undefined ? (version === 4 ? 32 : 128) : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN;
    if (version === 0 || !(length <= (version === 4 ? 32 : 128))) {
      throw new RangeError(`Cannot trust a proxy: expected an address or a range such as 10.0.0.0/8, got "${range}"`);
    }
    list.addSubnet(address, length, version === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
}

/** The nearest address that is not a trusted proxy's: `X-Forwarded-For` counts only as far as trusted proxies wrote it. */
export function addressOf(request: Request, remote: Deno.Addr | undefined, trusted: BlockList): string {
  const direct = remote !== undefined && "hostname" in remote ? remote.hostname : "unknown";
  if (!isIn(trusted, direct)) return direct;
  const hops = (request.headers.get("x-forwarded-for") ?? "").split(",").map((hop) => hop.trim());
  for (const hop of hops.reverse()) {
    if (isIP(hop) === 0) return direct;
    if (!isIn(trusted, hop)) return hop;
  }
  return direct;
}
