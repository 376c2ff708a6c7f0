// WebSocket (RFC 6455) as someone hears it who stands between the ends: the messages of one direction of a connection,
// out of the bytes as they pass. Without extensions: whoever listens does not let the ends agree on any.

const CONTINUATION = 0;
const TEXT = 1;
/** Some clients send their text so. */
const BINARY = 2;

/** `heard(text)` is called for each whole message of the bytes that are given to the function returned. */
export function listener(heard) {
  let bytes = Buffer.alloc(0);
  let message = null;
  return (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (let frame = first(bytes); frame; frame = first(bytes)) {
      bytes = bytes.subarray(frame.length);
      if (frame.opcode === TEXT || frame.opcode === BINARY) message = [frame.payload];
      else if (frame.opcode === CONTINUATION) message?.push(frame.payload);
      else continue;
      if (frame.last && message) {
        heard(Buffer.concat(message).toString());
        message = null;
      }
    }
  };
}

/** The first frame, if it is there completely. */
function first(bytes) {
  if (bytes.length < 2) return null;
  const masked = bytes[1] >> 7;
  const short = bytes[1] & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + extended + 4 * masked;
  if (bytes.length < start) return null;
  const size = extended === 2 ? bytes.readUInt16BE(2) : extended === 8 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < start + size) return null;
  const payload = Buffer.from(bytes.subarray(start, start + size));
  if (masked) for (let at = 0; at < size; at += 1) payload[at] ^= bytes[start - 4 + (at % 4)];
  return { last: bytes[0] >> 7 === 1, opcode: bytes[0] & 0xf, length: start + size, payload };
}
