/** What a server counts: requests, uploads, inference times. No label ever carries a name that a user chose. */
import { Counter, Histogram } from "./prometheus.ts";

export class ServerMetrics {
  readonly requests = new Counter("sulcus_http_requests_total", "Requests by method, route and status.");
  readonly durations = new Histogram(
    "sulcus_http_request_duration_seconds",
    "From a request's header to its reply's header.",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
  );
  readonly uploaded = new Counter("sulcus_uploaded_bytes_total", "Bytes of request bodies received.");
  readonly inference = new Histogram(
    "sulcus_inference_seconds",
    "Time in the network, for replies given in the request.",
    [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000],
  );

  request(
    { method, route, status, seconds }: { method: string; route: string; status: number; seconds: number },
  ): void {
    this.requests.add({ method, route, status: String(status) });
    this.durations.observe(seconds, { route });
  }

  render(): string {
    return [this.requests, this.durations, this.uploaded, this.inference].map((family) => family.render()).join("");
  }
}
