// Size classes: the content, 0x80, and zeros up to 512 · 2ⁿ − 1 bytes.

const BOUNDARY = 0x80;

export function pad(content) {
  let size = 512;
  while (size - 1 < content.length + 1) {
    size *= 2;
  }
  const padded = Buffer.alloc(size - 1);
  padded.set(content);
  padded[content.length] = BOUNDARY;
  return padded;
}

export function unpad(padded) {
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) {
    end -= 1;
  }
  if (padded[end] !== BOUNDARY) {
    throw new Error("the padding is malformed");
  }
  return padded.subarray(0, end);
}
