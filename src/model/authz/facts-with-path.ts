import type { Caller, RequestFacts } from "../request-facts.ts";

/** The facts of another request with one path in place of its own. Valid as long as they are. */
export class FactsWithPath implements RequestFacts {
  readonly path: string;
  readonly #facts: RequestFacts;

  constructor(facts: RequestFacts, path: string) {
    this.#facts = facts;
    this.path = path;
  }

  get caller(): Caller {
    return this.#facts.caller;
  }

  get destinationPort(): number {
    return this.#facts.destinationPort;
  }

  get destinationIp(): string {
    return this.#facts.destinationIp;
  }

  get method(): string {
    return this.#facts.method;
  }

  get query(): string {
    return this.#facts.query;
  }

  get host(): string {
    return this.#facts.host;
  }

  get remoteIp(): string {
    return this.#facts.remoteIp;
  }

  header(name: string): string | undefined {
    return this.#facts.header(name);
  }

  headerValues(name: string): readonly string[] {
    return this.#facts.headerValues(name);
  }
}
