/** Preferences of a client: `Accept` (RFC 9110, section 12.5.1) and `Prefer` (RFC 7240). */

/** The type that the header prefers, the first of `offered` among equals; undefined where it accepts none. */
export function bestType(accept: string | null, offered: readonly string[]): string | undefined {
  if (accept === null || accept.trim() === "") return offered[0];
  const ranges = accept.split(",").map(parseRange);
  let best: string | undefined;
  let most = 0;
  for (const type of offered) {
    const quality = qualityOf(type, ranges);
    if (quality > most) [best, most] = [type, quality];
  }
  return best;
}

interface Range {
  readonly type: string;
  readonly quality: number;
}

function parseRange(text: string): Range {
  const [type, ...params] = text.split(";").map((part) => part.trim().toLowerCase());
  const q = params.find((p) => p.startsWith("q="))?.slice(2);
  const quality = q === undefined ? 1 : Number(q);
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

/** The quality of the most specific range that fits. */
function qualityOf(type: string, ranges: readonly Range[]): number {
  const patterns = [type, `${type.split("/")[0]}/*`, "*/*"];
  for (const pattern of patterns) {
    const range = ranges.find((r) => r.type === pattern);
    if (range) return range.quality;
  }
  return 0;
}

/** True where the client prefers a job to waiting for the result. */
export function prefersAsync(request: Request): boolean {
  return (request.headers.get("prefer") ?? "").split(",").some((p) => p.trim().toLowerCase() === "respond-async");
}
