// Puts a document on the DA layer, gets it back, and lists its namespace. (../python/blobs.py checks the proofs too.)
//
//   npm install @grpc/grpc-js @grpc/proto-loader @noble/hashes@1
//   node blobs.ts [--da 127.0.0.1:9200]     (Node.js 22.18 or newer)
import { randomBytes } from "node:crypto";
import { blake3 } from "@noble/hashes/blake3";
import { Service, hex, must, option } from "./client.ts";

interface BlobRef {
  content_hash: Buffer;
  height: number;
}

interface Part {
  blob?: BlobRef;
  chunk?: Buffer;
}

interface Listing {
  heights: { header: { header: { height: number } }; proof: { run: { namespace: Buffer; content_hash: Buffer }[] } }[];
}

const CHUNK_BYTES = 1 << 20;
const namespace = Buffer.from("typescript example".padEnd(32, "\0"));
const document = Buffer.concat([Buffer.from("the first line of the ledger, "), randomBytes(16)]);
const content_hash = Buffer.from(blake3(document));

const da = new Service("weft/da/v1/da.proto", "weft.da.v1.DataAvailability", option("da", "127.0.0.1:9200"));

// The answer comes when the block that holds the bytes is on the disk.
const chunks = Array.from({ length: Math.ceil(document.length / CHUNK_BYTES) }, (_, index) => ({
  chunk: document.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
}));
const start = { namespace, length: document.length, content_hash };
const { blob } = await da.send<{ blob: BlobRef }>("PutBlob", [{ start }, ...chunks]);
console.log(`stored as ${hex(blob.content_hash)} in DA block ${blob.height}`);

const got: Buffer[] = [];
for await (const { chunk } of da.stream<Part>("GetBlob", { namespace, content_hash })) if (chunk) got.push(chunk);
must(content_hash.equals(blake3(Buffer.concat(got))), "the bytes that the hash names");

const { height: newest } = (await da.call<{ header: { header: { height: number } } }>("GetHeader", {})).header.header;
const found: Buffer[] = [];
let heights = 0;
for await (const listing of da.stream<Listing>("ListBlobs", { namespace, to_height: newest })) {
  for (const { header, proof } of listing.heights) {
    heights += 1;
    must(header.header.height === heights, "every height");
    // The run of a proof has the neighbours too.
    for (const entry of proof.run) if (namespace.equals(entry.namespace)) found.push(entry.content_hash);
  }
}
must(found.some((hash) => content_hash.equals(hash)), "the document in the listing");
console.log(`${found.length} documents in ${heights} blocks`);
da.close();
