// Weft's services for TypeScript, read from the protocol files at the start.
import { fileURLToPath } from "node:url";
import { Client, ClientReadableStream, ClientWritableStream, credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** The folder with Weft's protocol files; this file lies two folders below. */
export const PROTO = process.env.WEFT_PROTO ?? fileURLToPath(new URL("../..", import.meta.url));

/** Longest that one call may take. */
const TIMEOUT_MS = 20_000;

type Answer<T> = (error: Error | null, answer: T) => void;

/** A service's methods by name, as grpc-js makes them. */
type Methods = Client & Record<string, (...parameters: unknown[]) => unknown>;

/** One service of a file, at an address such as `127.0.0.1:9100`. */
export class Service {
  readonly #methods: Methods;

  constructor(file: string, name: string, address: string) {
    const names = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
    const options = { includeDirs: [PROTO], ...names };
    let found: any = loadPackageDefinition(loadSync(file, options));
    for (const part of name.split(".")) found = found[part];
    this.#methods = new found(address, credentials.createInsecure());
  }

  #deadline() {
    return { deadline: Date.now() + TIMEOUT_MS };
  }

  /** One request, one answer. */
  call<T>(method: string, request: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const answer: Answer<T> = (error, value) => (error ? reject(error) : resolve(value));
      this.#methods[method](request, this.#deadline(), answer);
    });
  }

  /** One request, many answers: `for await (const answer of ...)`. */
  stream<T>(method: string, request: object): ClientReadableStream<T> {
    return this.#methods[method](request, this.#deadline()) as ClientReadableStream<T>;
  }

  /** Many requests, one answer. */
  send<T>(method: string, requests: object[]): Promise<T> {
    return new Promise((resolve, reject) => {
      const answer: Answer<T> = (error, value) => (error ? reject(error) : resolve(value));
      const stream = this.#methods[method](this.#deadline(), answer) as ClientWritableStream<object>;
      for (const request of requests) stream.write(request);
      stream.end();
    });
  }

  close() {
    this.#methods.close();
  }
}

/** Hexadecimal digits of bytes. */
export const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString("hex")}`;

/** The value of `--name`, or what is usual. */
export function option(name: string, usual: string): string {
  const place = process.argv.indexOf(`--${name}`);
  return place < 0 ? usual : process.argv[place + 1];
}

/** Ends the program if something is not as it must be. */
export function must(holds: boolean, words: string): asserts holds {
  if (!holds) throw new Error(`expected ${words}`);
}
