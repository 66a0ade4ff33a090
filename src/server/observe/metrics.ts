/** Metrics in the Prometheus text format 0.0.4. No label carries a name that a user chose. */

export type Labels = Readonly<Record<string, string>>;

/** Numbers of one name with different labels. */
export interface Family {
  render(): string;
}

function key(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`);
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

function escape(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function head(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

export class Counter implements Family {
  readonly #values = new Map<string, number>();
  constructor(readonly name: string, readonly help: string) {}

  add(labels: Labels = {}, by = 1): void {
    const k = key(labels);
    this.#values.set(k, (this.#values.get(k) ?? 0) + by);
  }

  render(): string {
    return head(this.name, "counter", this.help) +
      [...this.#values].map(([k, v]) => `${this.name}${k} ${v}\n`).join("");
  }
}

interface Series {
  readonly labels: Labels;
  readonly counts: number[];
  sum: number;
}

export class Histogram implements Family {
  readonly #series = new Map<string, Series>();
  constructor(readonly name: string, readonly help: string, readonly bounds: readonly number[]) {}

  observe(value: number, labels: Labels = {}): void {
    const k = key(labels);
    const series = this.#series.get(k) ?? { labels, counts: Array(this.bounds.length + 1).fill(0), sum: 0 };
    this.#series.set(k, series);
    const at = this.bounds.findIndex((bound) => value <= bound);
    series.counts[at < 0 ? this.bounds.length : at]++;
    series.sum += value;
  }

  render(): string {
    let text = head(this.name, "histogram", this.help);
    for (const { labels, counts, sum } of this.#series.values()) {
      let total = 0;
      counts.forEach((count, i) => {
        total += count;
        text += `${this.name}_bucket${key({ ...labels, le: String(this.bounds[i] ?? "+Inf") })} ${total}\n`;
      });
      text += `${this.name}_sum${key(labels)} ${sum}\n${this.name}_count${key(labels)} ${total}\n`;
    }
    return text;
  }
}

/** A gauge whose values are read at the time of the request. */
export function renderGauge(name: string, help: string, values: readonly (readonly [Labels, number])[]): string {
  return head(name, "gauge", help) + values.map(([labels, value]) => `${name}${key(labels)} ${value}\n`).join("");
}

export class ServerMetrics {
  readonly requests = new Counter("sulcus_http_requests_total", "Requests by method, route and status.");
  readonly durations = new Histogram(
    "sulcus_http_request_duration_seconds",
    "From a request's header to its reply's header.",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
  );
  readonly uploaded = new Counter("sulcus_uploaded_bytes_total", "Bytes of request bodies received.");
  readonly authFailures = new Counter(
    "sulcus_auth_failures_total",
    "Requests refused for who sent them, by reason: no-login, invalid, login, role.",
  );
  readonly refusedConnections = new Counter(
    "sulcus_connections_refused_total",
    "Connections refused because of too many in total, of one address, or of open files.",
  );
  readonly inference = new Histogram(
    "sulcus_inference_seconds",
    "Time in the network, for replies given in the request.",
    [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000],
  );
  readonly loopDelay = new Histogram(
    "sulcus_loop_delay_seconds",
    "By how much a timer of the thread that answers requests was late.",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  );

  readonly audited = new Counter(
    "sulcus_audit_events_total",
    "Events of requests for the audit trail, by what became of them.",
  );

  request(
    { method, route, status, seconds }: { method: string; route: string; status: number; seconds: number },
  ): void {
    this.requests.add({ method, route, status: String(status) });
    this.durations.observe(seconds, { route });
  }

  /** Every metric above. */
  get families(): readonly (Counter | Histogram)[] {
    return Object.values(this).filter((field) => field instanceof Counter || field instanceof Histogram);
  }

  render(): string {
    return this.families.map((family) => family.render()).join("");
  }
}
