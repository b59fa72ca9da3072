// The weights of the runs and the pictures that the live figures load, in the form that web/memory_files.h says.
'use strict';
const fs = require('fs');
const zlib = require('zlib');
const path = require('path');

const half = new DataView(new ArrayBuffer(4));
// The 16 bits of the nearest half-precision number; what is too small for one is 0.
function halfOf(x) {
  half.setFloat32(0, x);
  const bits = half.getUint32(0), sign = bits >>> 16 & 0x8000, exponent = (bits >>> 23 & 255) - 112;
  if (exponent <= 0) return sign;
  if (exponent >= 31) throw new Error(`a weight of ${x} is no half-precision number`);
  return sign | ((exponent << 23 | bits & 0x7fffff) + 0xfff + (bits >>> 13 & 1) >>> 13);
}

// The number that these 16 bits are.
function numberOf(bits) {
  half.setUint32(0, (bits & 0x8000) << 16 | ((bits & 0x7fff) ? ((bits & 0x7fff) << 13) + (112 << 23) : 0));
  return half.getFloat32(0);
}

// A model.safetensors as strings, and its numbers: {strings, floats}. Optimiser states are not in it.
function readModel(file) {
  const bytes = fs.readFileSync(file), length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()), data = bytes.subarray(8 + length);
  const strings = [], floats = [];
  for (const [key, value] of Object.entries(header.__metadata__)) strings.push('M', key, value);
  for (const [name, t] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    strings.push('T', name, [t.shape.length, ...t.shape].join(' '), String(floats.length));
    for (let at = t.data_offsets[0]; at < t.data_offsets[1]; at += 4) floats.push(data.readFloatLE(at));
  }
  return { strings: strings.map(s => s + '\0').join('') + '\0', floats };
}

// Packed for a page: how many bytes the strings have, as a 32-bit integer, strings, half-precision numbers: the
// first byte of each, then the second of each, since bytes of a kind compress better.
function packModel(file) {
  const { strings, floats } = readModel(file), text = Buffer.from(strings);
  const count = floats.length, numbers = Buffer.alloc(2 * count), head = Buffer.alloc(4);
  floats.forEach((x, i) => {
    const bits = halfOf(x);
    numbers[i] = bits & 255;
    numbers[count + i] = bits >> 8;
  });
  head.writeInt32LE(text.length, 0);
  return Buffer.concat([head, text, numbers]);
}

const maybeGzip = bytes => bytes[0] === 0x1f && bytes[1] === 0x8b ? zlib.gunzipSync(bytes) : bytes;
function readable(...names) {
  for (const name of names) if (fs.existsSync(name)) return maybeGzip(fs.readFileSync(name));
  return null;
}

// One test digit of each class, 28 x 28 bytes each.
function digits(data) {
  const names = stem => ['', '.gz'].map(end => path.join(data, 'mnist', stem + end));
  const images = readable(...names('t10k-images-idx3-ubyte')), labels = readable(...names('t10k-labels-idx1-ubyte'));
  if (!images || !labels) return null;
  const found = new Array(10).fill(null);
  for (let i = 0; i < 10000 && found.includes(null); i++) {
    const label = labels[8 + i];
    found[label] = found[label] || images.subarray(16 + 784 * i, 16 + 784 * (i + 1));
  }
  return Buffer.concat(found);
}

// The first eight test photographs of CIFAR-10, rows of pixels of three bytes.
function photographs(data) {
  const batch = readable(path.join(data, 'cifar10/test_batch.bin'));
  if (!batch) return null;
  const out = Buffer.alloc(8 * 3072);
  for (let i = 0; i < 8; i++) {
    for (let at = 0; at < 1024; at++) for (let c = 0; c < 3; c++) out[3072 * i + 3 * at + c] = batch[3073 * i + 1 + 1024 * c + at];
  }
  return out;
}

// Everything there is, as name -> bytes; what is not there is left out, and its figure says so.
function liveFiles(build, data) {
  const files = {}, run = name => path.join(build, 'runs', name);
  for (const name of ['vit-mnist', 'clip-shapes', 'siglip-shapes', 'mae-cifar']) {
    const file = path.join(run(name), 'model.safetensors');
    if (fs.existsSync(file)) files[`model-${name}`] = packModel(file);
  }
  for (const name of ['clip-shapes', 'siglip-shapes']) {
    if (fs.existsSync(path.join(run(name), 'merges.txt'))) files[`merges-${name}`] = fs.readFileSync(path.join(run(name), 'merges.txt'));
  }
  const own = { digits: digits(data), photographs: photographs(data) };
  for (const [name, bytes] of Object.entries(own)) if (bytes) files[name] = bytes;
  return files;
}

module.exports = { liveFiles, readModel, halfOf, numberOf };
