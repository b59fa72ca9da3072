// The pages, the search index, the names and the pieces as files: what the reader's browser opens.
'use strict';
const fs = require('fs');
const path = require('path');
const zlib = require('zlib');
const { optimize } = require('svgo');
const MiniSearch = require('minisearch');
const { isFile, fileId } = require('./book');
const { Render, plainText } = require('./render');
const { escape } = require('./code');
const { encode } = require('./base91');
const { liveFiles } = require('./models');

// Names are one word, and their parts are words too; of numbers those of sections count, and long ones.
const tokenize = text => (text.match(/[A-Za-z_]\w*|\d+(?:\.\d+)*/g) || []).flatMap(w => (/\w_\w/.test(w) ? [w, ...w.split('_')] : [w]));
const processTerm = term => (term.length < 2 || /^\d{1,2}$/.test(term) || /^0\./.test(term) ? null : term.toLowerCase());
const extractField = (d, field) => (field !== 'words' ? d[field] : d.kind === 'code' ? d.text.replace(/\d+/g, ' ') : d.text);
const searchOptions = { tokenize, processTerm, extractField, fields: ['title', 'words'], storeFields: ['title', 'href', 'kind', 'text'] };

class Site {
  constructor(book, out, pandoc) {
    Object.assign(this, { book, out, pandoc, pages: 0, bytes: 0, documents: [] });
  }

  put(name, content) {
    const file = path.join(this.out, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content);
    this.bytes += Buffer.byteLength(content);
  }

  copy(from, name) {
    const bytes = fs.readFileSync(from);
    this.put(name, bytes);
  }

  // Data as a script (a page that is opened from a folder may fetch nothing), small by gzip and base91.
  pack(name, value) {
    const bytes = Buffer.isBuffer(value) ? value : JSON.stringify(value);
    this.put(`data/${name}.js`, `SR.packed('${name}','${encode(zlib.gzipSync(bytes, { level: 9 }))}');`);
  }

  // ---- The frame around every page
  crumbs(page) {
    const chapter = page.chapter || page;
    const parts = [`<a href="contents.html">Contents</a>`];
    if (page.part && page.part.title !== chapter.title) parts.push(escape(page.part.number ? `Part ${page.part.number}: ${page.part.title}` : page.part.title));
    if (page.chapter) parts.push(`<a href="${chapter.file}">${escape(`${chapter.number} ${chapter.title}`.trim())}</a>`);
    return `<nav class="crumbs" aria-label="where this is">${parts.join(' › ')}</nav>`;
  }

  frame({ title, description, body, file, zone, previous, next, crumbs = '', number = '' }) {
    const link = (page, rel, text) => page ? `<a rel="${rel}" href="${page.file}">${text(escape(`${page.number} ${page.title}`.trim()))}</a>` : '<span></span>';
    this.pages++;
    this.put(file, `<!doctype html>
<html lang="en" data-zone="${zone}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} · Sight Reading</title>
<meta name="description" content="${escape(description)}">
<link rel="stylesheet" href="katex/katex.min.css">
<link rel="stylesheet" href="site.css">
<link rel="icon" href="data:,">
</head>
<body>
<a class="skip" href="#top">To the text</a>
<header class="bar"><a class="brand" href="index.html">Sight Reading</a></header>
<nav id="contents" aria-label="contents of the book"><a href="contents.html">Contents</a></nav>
<main id="top" tabindex="-1">
${crumbs}<h1>${number ? `<span class="number">${escape(number)}</span> ` : ''}${body.heading}</h1>
${body.html}
<nav class="turn" aria-label="previous and next page">${link(previous, 'prev', t => `← ${t}`)}${link(next, 'next', t => `${t} →`)}</nav>
</main>
<script src="site.js"></script>
</body>
</html>
`);
  }

  // ---- The book's own pages
  section(page, i) {
    const pages = this.book.pages;
    let html = this.book.html(page);
    if (page.level === 2 && page.sections.length) {
      html += `\n<nav class="sections" aria-label="sections of this chapter"><ol>${page.sections.map(s =>
        `<li><a href="${s.file}"><span class="number">${escape(s.number)}</span> ${this.book.titleHtml(s)}</a></li>`).join('')}</ol></nav>`;
    }
    const text = this.textOf(page.blocks), chapter = page.chapter || page;
    const answers = chapter.title.startsWith('Answers') && page !== chapter;
    this.documents.push({ title: `${page.number}${answers ? 'Answers:' : ''} ${page.title}`.trim(), text, href: page.file, kind: 'section' });
    for (const m of html.matchAll(/<(?:figure|section)[^>]* id="([^"]*)"[^>]*>/g)) {
      const number = this.book.numbers.labels.get(m[1]), kind = { fig: 'Figure', tab: 'Table', ex: 'Exercise' }[m[1].split(':')[0]];
      if (kind && number) this.documents.push({ title: `${kind} ${number}`, text: `${kind} ${number} in ${page.number} ${page.title}`, href: `${page.file}#${m[1]}`, kind: 'name' });
    }
    const where = page.chapter ? `${page.title}: section ${page.number || 'of'} ${page.number ? 'of' : ''} ${chapter.title}`.replace(/\s+/g, ' ') : `${page.title}, a chapter of Sight Reading`;
    const title = page.chapter ? `${`${page.number} ${page.title}`.trim()} · ${chapter.title}` : `${page.number} ${page.title}`.trim();
    this.frame({ title, description: `${where}. ${text.slice(0, 110)}…`, body: { heading: this.book.titleHtml(page), html },
                 file: page.file, zone: page.zone, previous: pages[i - 1], next: pages[i + 1], crumbs: this.crumbs(page), number: page.number });
  }

  // Functions and types are found by their names, first of all where they are defined.
  names() {
    for (const [name, e] of this.book.names.global) {
      if (e.kind !== 'function' && e.kind !== 'type') continue;
      const contract = e.contract || e, said = contract.comment.replace(/\/\*|\*\//g, '').replace(/\s+/g, ' ').trim();
      this.documents.push({ title: name, text: `${contract.text.replace(/\s+/g, ' ').slice(0, 80)} ${said.slice(0, 120)}`,
                            href: this.book.code.address(e.body || e.chunk, { file: '' }), kind: 'name' });
    }
  }

  chunks() {
    for (const chunk of this.book.code.chunks) {
      // Of tests and of the workshop only what they define and say.
      const source = this.book.code.highlighted(chunk).source.replace(/[\uE100-\uF8FF]/g, ' ');
      const brief = chunk.page.zone === 'proof' || chunk.page.zone === 'workshop';
      const text = brief ? (source.match(/\/\*[^]*?\*\/|START_TEST\(\w+\)|"--[^"]*"|^[a-zA-Z][^=;]*\(|^#define \w+/gm) || []).join('\n') : source;
      this.documents.push({ title: `⟨${chunk.name}⟩ ${chunk.number}`, text,
                            href: `${chunk.page.file}#${chunk.id}`, kind: 'code' });
    }
  }

  // Files are put together in the page, from the pieces; the list says which pieces in which order.
  files() {
    const { code } = this.book, page = { file: 'files.html' };
    const names = [...this.book.byName.keys()].filter(isFile).sort();
    const rows = names.map(name => `<li id="${fileId(name)}"><a href="file.html#${escape(name)}"><code>${escape(name)}</code></a> <small>${
      this.book.byName.get(name).map(c => `<a href="${code.address(c, page)}">${escape(c.number)}</a>`).join(' ')}</small></li>`);
    const crumbs = '<nav class="crumbs" aria-label="where this is"><a href="contents.html">Contents</a></nav>';
    this.frame({ title: 'Files', description: 'All files of the program, each with the pieces that it is made of.', file: 'files.html', zone: 'back', crumbs,
                 body: { heading: 'Files', html: `<ul class="index">${rows.join('\n')}</ul>` } });
    this.frame({ title: 'A whole file', description: 'A whole file of the program, put together from its pieces; each leads to where it is explained.', file: 'file.html', zone: 'back', crumbs,
                 body: { heading: 'A whole file', html: '<p class="note" id="whole">The whole of a file is put together here by a script. Without scripts see the <a href="files.html">list of files</a>, which says of what pieces each is made.</p>' } });
  }

  // The words of a page, for the search: code has documents of its own.
  textOf(blocks) {
    return plainText(blocks).replace(/@@(?:CHUNK|FLOAT|EXERCISE) \d+@@/g, ' ').replace(/@@QUOTE (\d+)@@/g, (m, n) => this.book.quotes[n]).replace(/\\[a-zA-Z]+|[{}^&]/g, ' ').replace(/\s+/g, ' ').trim();
  }

  // ---- Lists at the back
  bibliography() {
    const bbl = fs.readFileSync(`${this.book.build}/book.bbl`, 'utf8'), items = [];
    for (const m of bbl.matchAll(/\\bibitem\{([^}]*)\}\n([^]*?)(?=\n\n)/g)) items.push({ key: m[1], tex: m[2].replace(/\\newblock/g, '').replace(/\{\\em /g, '\\emph{') });
    const blocks = this.pandoc('\\documentclass{book}\\begin{document}' + items.map(i => `${i.tex}\n\n`).join('') + '\\end{document}');
    const render = new Render(this.book, { file: 'bibliography.html', formulas: new Set() });
    const html = `<ol class="bibliography">${items.map((item, i) => `<li id="${escape(item.key)}">${render.block(blocks[i]).replace(/^<p>|<\/p>$/g, '')}</li>`).join('\n')}</ol>`;
    this.frame({ title: 'Bibliography', description: 'The papers and programs that the book cites.', file: 'bibliography.html', zone: 'back', body: { heading: 'Bibliography', html } });
  }

  indexes() {
    const page = { file: 'index-of-names.html' }, { names, code } = this.book;
    const entries = [...names.global.values()].sort((a, b) => a.name.localeCompare(b.name));
    const rows = entries.map(e => {
      const uses = [...(code.uses.get(e) || [])].filter(c => c !== e.chunk && c !== e.body);
      const target = e.body || e.chunk;
      return `<li><a class="id" href="${code.address(target, page)}"><code>${escape(e.name)}</code></a> <small>${e.kind}` +
        `${uses.length ? `; in ${uses.slice(0, 9).map(c => `<a href="${code.address(c, page)}">${escape(c.number)}</a>`).join(', ')}` : ''}</small></li>`;
    });
    this.frame({ title: 'Index of names', description: 'Functions, types, macros and constants: where each is defined and used.', file: page.file, zone: 'back',
                 body: { heading: 'Index of names', html: `<ul class="index">${rows.join('\n')}</ul>` } });
    const pieces = { file: 'index-of-pieces.html' };
    const list = [...this.book.byName.entries()].sort((a, b) => a[0].localeCompare(b[0]))
      .map(([name, parts]) => `<li>⟨${escape(name)}⟩ ${parts.map(c => `<a href="${code.address(c, pieces)}">${escape(c.number)}</a>`).join(', ')}</li>`);
    this.frame({ title: 'Index of pieces', description: 'All named pieces of code, and where their parts stand.', file: pieces.file, zone: 'back',
                 body: { heading: 'Index of pieces', html: `<ul class="index">${list.join('\n')}</ul>` } });
  }

  contents() {
    const list = this.book.parts.map(part => `<h2>${escape(part.number ? `Part ${part.number}: ${part.title}` : part.title)}</h2><ul class="contents" data-zone="${part.zone}">` +
      part.chapters.map(c => `<li><a href="${c.file}"><span class="number">${escape(c.number)}</span> ${this.book.titleHtml(c)}</a>${c.sections.length ? `<ul>${c.sections.map(s =>
        `<li><a href="${s.file}"><span class="number">${escape(s.number)}</span> ${this.book.titleHtml(s)}</a></li>`).join('')}</ul>` : ''}</li>`).join('') + '</ul>').join('\n');
    const more = ['<h2>Lists</h2><ul class="contents">', ...this.lists().map(([f, t]) => `<li><a href="${f}">${t}</a></li>`), '</ul>'].join('');
    this.frame({ title: 'Contents', description: 'All chapters and sections of Sight Reading.', file: 'contents.html', zone: 'front', body: { heading: 'Contents', html: list + more } });
  }

  lists() {
    return [['bibliography.html', 'Bibliography'], ['index-of-names.html', 'Index of names'], ['index-of-pieces.html', 'Index of pieces'], ['files.html', 'Files']];
  }

  front() {
    const first = this.book.pages[0], tour = this.book.pages.find(p => p.number === '0');
    const { src, width, height } = this.book.picture('runs/patches/patches');
    const html = `<p class="lead">Vision encoders as a literate C program: ViT, CLIP, MAE, EVA and SigLIP, explained, derived, written in C and trained on a laptop.</p>
<p><img class="title" src="${src}" width="${width}" height="${height}" alt="A drawn landscape, cut into patches as a Vision Transformer cuts it."></p>
<p class="start"><a href="${first.file}">Begin with the preface</a> <a href="${tour.file}">The quick tour</a> <a href="contents.html">Contents</a></p>
<p class="note">Prose and figures: CC BY 4.0. Code: MIT licence. Keys: <kbd>←</kbd> <kbd>→</kbd> turn pages, <kbd>/</kbd> searches.</p>`;
    this.frame({ title: 'A book that is a program', description: 'Vision encoders as a literate C program: ViT, CLIP, MAE, EVA and SigLIP.', file: 'index.html', zone: 'front',
                 body: { heading: 'Sight Reading', html }, next: first });
  }

  // ---- What scripts need
  data() {
    const { book } = this;
    // The tree of contents, for the side.
    const tree = book.parts.map(part => ({ title: part.number ? `${part.number}. ${part.title}` : part.title, zone: part.zone,
      chapters: part.chapters.map(c => [c.file, c.number, c.title, c.sections.map(s => [s.file, s.number, s.title])]) }));
    this.put('data/contents.js', `SR.contents(${JSON.stringify({ tree, lists: this.lists() })});`);
    // Names and their contracts.
    const names = {};
    const page = { file: '' };
    const add = (key, e) => {
      const target = e.body || e.chunk, contract = e.contract || e;
      names[key] = [e.kind, contract.text.length > 700 ? contract.text.slice(0, 700) + ' …' : contract.text, contract.comment.replace(/^\/\*\s?|\s*\*\/$/g, '').replace(/\n {3}/g, '\n'), book.code.address(target, page)];
    };
    for (const [name, e] of book.names.global) add(name, e);
    for (const [e] of book.code.uses) if (!e.contract && /^static/.test(e.text)) add(`${e.chunk.roots[0]}:${e.name}`, e);
    this.pack('names', names);
    // Pieces of code, to be unfolded in place and put together: by the chapter they stand in. A piece is
    // [name, number, address, html].
    const byChapter = new Map(), where = {}, parts = {};
    for (const chunk of book.code.chunks) {
      const key = (chunk.page.chapter || chunk.page).slug;
      if (!byChapter.has(key)) byChapter.set(key, {});
      where[chunk.label] = key;
      byChapter.get(key)[chunk.label] = [chunk.name, chunk.number, book.code.address(chunk, page), book.code.body(chunk, page, false)];
      (parts[chunk.first] = parts[chunk.first] || []).push(chunk.label);
    }
    const files = {};
    for (const [name, list] of book.byName) if (isFile(name)) files[name] = list[0].first;
    for (const [key, pieces] of byChapter) this.pack(`pieces-${key}`, pieces);
    this.pack('pieces', { where, parts, files });
    // The search index.
    const index = new MiniSearch({ ...searchOptions, idField: 'id' });
    index.addAll(this.documents.map((d, id) => ({ id, ...d })));
    this.pack('search', JSON.parse(JSON.stringify(index)));
  }

  assets() {
    const here = path.join(__dirname, '..'), modules = path.join(here, 'node_modules');
    for (const name of ['site.css', 'site.js', 'live.js']) this.copy(path.join(here, name), name);
    this.copy(path.join(modules, 'minisearch/dist/umd/index.js'), 'data/minisearch.js');
    this.pack('live', fs.readFileSync(`${this.book.build}/web/live.wasm`));
    for (const [name, bytes] of Object.entries(liveFiles(this.book.build, path.join(this.book.build, '../data')))) this.pack(name, bytes);
    // Only the fonts that every browser of today takes, and of these the ones that a page uses.
    const pages = fs.readdirSync(this.out).filter(name => name.endsWith('.html')).map(name => fs.readFileSync(path.join(this.out, name), 'utf8'));
    const unused = Object.entries(fontClasses).filter(([, names]) => !pages.some(text => names.test(text))).map(([font]) => `KaTeX_${font}`);
    const css = fs.readFileSync(path.join(modules, 'katex/dist/katex.min.css'), 'utf8')
      .replace(/,url\(fonts\/[^)]*\.(?:woff|ttf)\) format\("[^"]*"\)/g, '').replace(/@font-face\{[^}]*KaTeX_(?:Fraktur|Script|Typewriter)[^}]*\}/g, '').replace(/font-display:block/g, 'font-display:swap');
    this.put('katex/katex.min.css', css);
    for (const font of fs.readdirSync(path.join(modules, 'katex/dist/fonts'))) {
      if (/^KaTeX_(Main|Math|Size|AMS|Caligraphic|SansSerif).*woff2$/.test(font) && !unused.some(name => font.startsWith(`${name}.`))) this.copy(path.join(modules, 'katex/dist/fonts', font), `katex/fonts/${font}`);
    }
    for (const [src, { from, vector }] of this.book.pictures) {
      if (vector) this.put(src, slim(from));
      else this.put(src, repacked(fs.readFileSync(from)));
    }
  }

  write() {
    fs.rmSync(this.out, { recursive: true, force: true });
    this.book.pages.forEach((page, i) => this.section(page, i));
    this.front();
    this.names();
    this.chunks();
    this.files();
    this.bibliography();
    this.indexes();
    this.contents();
    this.data();
    this.assets();
  }
}

// The classes that ask for a font. (Bold letters of mathematics stand in headings, without a class.)
const fontClasses = {
  'Main-BoldItalic': /class="[^"]*\b(mathbfit|textboldit)\b/, 'Caligraphic-Bold': /class="[^"]*\bmathcal\b[^"]*\btextbf\b/,
  'SansSerif-Bold': /class="[^"]*\b(mathboldsf|textboldsf)\b/, 'SansSerif-Italic': /class="[^"]*\b(mathitsf|mathsfit|textitsf)\b/,
};

// A chunk of a PNG.
function chunk(type, data) {
  const whole = Buffer.concat([Buffer.alloc(4), Buffer.from(type), data, Buffer.alloc(4)]);
  whole.writeUInt32BE(data.length, 0);
  whole.writeUInt32BE(zlib.crc32(whole.subarray(4, -4)), whole.length - 4);
  return whole;
}

// What a PNG predicts of a byte, by the number of the filter, from those to the left, above, and both.
function predicted(filter, left, up, corner) {
  if (filter < 3) return [0, left, up][filter];
  if (filter === 3) return (left + up) >> 1;
  const p = left + up - corner, a = Math.abs(p - left), b = Math.abs(p - up), c = Math.abs(p - corner);
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

// Rows of bytes without their filters, and with that filter of each that leaves the least.
function unfiltered(data, stride, step) {
  const rows = [];
  for (let at = 0, up = Buffer.alloc(stride); at < data.length; at += stride + 1) {
    const row = Buffer.from(data.subarray(at + 1, at + 1 + stride));
    for (let i = 0; i < stride; i++)
      row[i] += i < step ? predicted(data[at], 0, up[i], 0) : predicted(data[at], row[i - step], up[i], up[i - step]);
    rows.push(up = row);
  }
  return rows;
}
function filtered(rows, step) {
  return Buffer.concat(rows.map((row, y) => {
    const up = y ? rows[y - 1] : Buffer.alloc(row.length);
    let best = null, least = Infinity;
    for (let filter = 0; filter < 5; filter++) {
      const out = Buffer.alloc(row.length + 1);
      out[0] = filter;
      let sum = 0;
      for (let i = 0; i < row.length; i++) {
        out[i + 1] = row[i] - (i < step ? predicted(filter, 0, up[i], 0) : predicted(filter, row[i - step], up[i], up[i - step]));
        sum += Math.min(out[i + 1], 256 - out[i + 1]);
      }
      if (sum < least) [best, least] = [out, sum];
    }
    return best;
  }));
}

// Rows of a picture each of whose pixels is a square of k x k; null if they are not.
function shrunk(rows, step, k) {
  if (rows.length % k || rows[0].length % (k * step)) return null;
  const small = [];
  for (let y = 0; y < rows.length; y++) {
    if (y % k) { if (!rows[y].equals(rows[y - 1])) return null; continue; }
    const row = Buffer.alloc(rows[y].length / k);
    for (let x = 0; x < rows[y].length / step; x++)
      for (let c = 0; c < step; c++) {
        const value = rows[y][x * step + c];
        if (x % k === 0) row[x / k * step + c] = value;
        else if (value !== rows[y][(x - 1) * step + c]) return null;
      }
    small.push(row);
  }
  return small;
}

// The same PNG in fewer bytes: one pixel for what is a square of equal ones (the page shows it as large as it was), and
// compressed as far as zlib goes. Of grey and colour with a byte a channel, as this book writes them; others stay.
function repacked(png) {
  const width = png.readUInt32BE(16), step = { 0: 1, 2: 3 }[png[25]], pixels = [];
  if (png[24] !== 8 || !step || png[28]) return png;
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at))
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') pixels.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  const rows = unfiltered(zlib.inflateSync(Buffer.concat(pixels)), width * step, step);
  const small = [8, 6, 5, 4, 3, 2].reduce((found, k) => found || shrunk(rows, step, k), null) || rows;
  const header = Buffer.from(png.subarray(16, 29));
  header.writeUInt32BE(small[0].length / step, 0);
  header.writeUInt32BE(small.length, 4);
  const data = zlib.deflateSync(filtered(small, step), { level: 9, memLevel: 9 });
  const whole = Buffer.concat([png.subarray(0, 8), chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
  return whole.length < png.length ? whole : png;
}

// A drawing with the digits and the marks that a screen needs; made again only when it has changed.
function slim(file) {
  const kept = `${file}.slim`;
  const newest = Math.max(fs.statSync(file).mtimeMs, fs.statSync(__filename).mtimeMs);
  if (!fs.existsSync(kept) || fs.statSync(kept).mtimeMs < newest) {
    fs.writeFileSync(kept, withoutDefaults(optimize(fs.readFileSync(file, 'utf8'), { floatPrecision: 1 }).data));
  }
  return fs.readFileSync(kept, 'utf8');
}

// What every browser assumes where nothing is said, and what ends a path that has ended.
function withoutDefaults(svg) {
  return svg.replace(/style="([^"]*)"/g, (whole, text) => {
    const filled = /fill:(?!none)/.test(text);
    const style = text.split(';').filter(rule =>
      !/^(stroke:none|stroke-linecap:butt|stroke-linejoin:miter|stroke-opacity:1|fill-opacity:1|fill-rule:nonzero)$/.test(rule) &&
      !(rule === 'fill:#000' && filled));
    return style.length ? `style="${style.join(';')}"` : '';
  }).replace(/ +(\/?>)/g, '$1').replace(/[zZ]m0 0"/g, 'z"').replace(/ overflow="visible"/g, '')
    .replace('<defs>', '<style>symbol{overflow:visible}</style><defs>')
    .replace(/xlink:href=/g, 'href=').replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', '');
}

module.exports = { Site };
