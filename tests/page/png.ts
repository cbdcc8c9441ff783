// Pictures of the pages in few bytes: a screenshot has few colours, so it is kept as a palette of 256 of them.
import { deflateSync, inflateSync } from "node:zlib";

interface Picture {
  width: number;
  height: number;
  rgb: Buffer;
}

function chunks(png: Buffer): [type: string, body: Buffer][] {
  const list: [string, Buffer][] = [];
  for (let at = 8; at < png.length;) {
    const size = png.readUInt32BE(at);
    list.push([png.toString("latin1", at + 4, at + 8), png.subarray(at + 8, at + 8 + size)]);
    at += 12 + size;
  }
  return list;
}

/** What a byte is predicted from: the ways that PNG has for it. */
function predicted(filter: number, left: number, above: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  if (filter !== 4) return 0;
  const guess = left + above - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

function read(png: Buffer): Picture {
  const parts = chunks(png);
  const head = parts.find(([type]) => type === "IHDR")![1];
  const [width, height, depth] = [head.readUInt32BE(0), head.readUInt32BE(4), head[9] === 6 ? 4 : 3];
  const data = inflateSync(Buffer.concat(parts.filter(([type]) => type === "IDAT").map(([, body]) => body)));
  const line = width * depth;
  const bytes = Buffer.alloc(line * height);
  const rgb = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    const filter = data[y * (line + 1)]!;
    for (let x = 0; x < line; x++) {
      const at = y * line + x;
      const left = x >= depth ? bytes[at - depth]! : 0;
      const above = y > 0 ? bytes[at - line]! : 0;
      const corner = x >= depth && y > 0 ? bytes[at - line - depth]! : 0;
      bytes[at] = data[y * (line + 1) + 1 + x]! + predicted(filter, left, above, corner);
    }
  }
  for (let at = 0; at < width * height; at++) bytes.copy(rgb, at * 3, at * depth, at * depth + 3);
  return { width, height, rgb };
}

/** The most frequent colours; what is not among them takes the nearest. */
function palette(rgb: Buffer): { colours: number[]; place: (colour: number) => number } {
  const counts = new Map<number, number>();
  for (let at = 0; at < rgb.length; at += 3) {
    const colour = rgb.readUIntBE(at, 3);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const colours = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256).map(([colour]) => colour);
  const places = new Map(colours.map((colour, at) => [colour, at]));
  const away = (a: number, b: number): number =>
    [16, 8, 0].reduce((sum, shift) => sum + (((a >> shift) & 255) - ((b >> shift) & 255)) ** 2, 0);
  const place = (colour: number): number => {
    let known = places.get(colour);
    if (known === undefined) {
      known = colours.reduce((best, one, at) => (away(one, colour) < away(colours[best]!, colour) ? at : best), 0);
      places.set(colour, known);
    }
    return known;
  };
  return { colours, place };
}

function crc(bytes: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), body]);
  const frame = Buffer.alloc(8 + named.length);
  frame.writeUInt32BE(body.length, 0);
  named.copy(frame, 4);
  frame.writeUInt32BE(crc(named), 4 + named.length);
  return frame;
}

export function small(png: Buffer): Buffer {
  const { width, height, rgb } = read(png);
  const { colours, place } = palette(rgb);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3], 8);
  const table = Buffer.alloc(colours.length * 3);
  colours.forEach((colour, at) => table.writeUIntBE(colour, at * 3, 3));
  const lines = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) lines[y * (width + 1) + 1 + x] = place(rgb.readUIntBE((y * width + x) * 3, 3));
  const data = deflateSync(lines, { level: 9, memLevel: 9 });
  return Buffer.concat([png.subarray(0, 8), chunk("IHDR", head), chunk("PLTE", table), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}
