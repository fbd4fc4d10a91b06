// The header inside the seal, as shared/protocol/src/header.rs draws it.

const VERSION = 1;
const FIXED = 87;

export const KIND = { text: 1, receipt: 5 };

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const uuidBytes = (text) => Buffer.from(text.replaceAll("-", ""), "hex");
const uuidText = (bytes) =>
  hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

// Header and body in one.
export function encode(header, body) {
  const handle = Buffer.from(header.handle);
  const bytes = Buffer.alloc(FIXED + handle.length);
  bytes.writeUInt8(VERSION, 0);
  bytes.writeUInt16BE(bytes.length, 1);
  bytes.write(header.contentId, 3, "hex");
  bytes.writeUInt8(header.kind, 19);
  bytes.write(header.inReplyTo ?? "", 20, "hex");
  bytes.writeBigUInt64BE(BigInt(header.sequence), 36);
  bytes.writeBigUInt64BE(BigInt(header.sentAt), 44);
  uuidBytes(header.sender.serviceId).copy(bytes, 52);
  bytes.writeUInt8(header.sender.deviceId, 68);
  uuidBytes(header.recipient.serviceId).copy(bytes, 69);
  bytes.writeUInt8(header.recipient.deviceId, 85);
  bytes.writeUInt8(handle.length, 86);
  handle.copy(bytes, FIXED);
  return Buffer.concat([bytes, body]);
}

export function decode(bytes) {
  if (bytes.readUInt8(0) !== VERSION) {
    throw new Error(`unknown header version ${bytes[0]}`);
  }
  const address = (at) => ({
    serviceId: uuidText(bytes.subarray(at, at + 16)),
    deviceId: bytes.readUInt8(at + 16),
  });
  const header = {
    contentId: hex(bytes.subarray(3, 19)),
    kind: bytes.readUInt8(19),
    inReplyTo: hex(bytes.subarray(20, 36)),
    sequence: Number(bytes.readBigUInt64BE(36)),
    sentAt: Number(bytes.readBigUInt64BE(44)),
    sender: address(52),
    recipient: address(69),
    handle: bytes.toString("utf8", FIXED, FIXED + bytes.readUInt8(86)),
  };
  return { header, body: bytes.subarray(bytes.readUInt16BE(1)) };
}
