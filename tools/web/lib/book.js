// The book as pages: one for each section, with the numbers of the PDF.
'use strict';
const fs = require('fs');
const path = require('path');
const { Code, escape } = require('./code');
const { Render, plainText, slug } = require('./render');
const { rootsOf, collectNames, isFile } = require('./names');

// Numbers that LaTeX gave: of labels, citations and, in order, of parts, chapters and sections.
function readNumbers(build) {
  const aux = fs.readFileSync(`${build}/book.aux`, 'latin1'), labels = new Map(), citations = new Map();
  for (const m of aux.matchAll(/\\newlabel\{([^}]*)\}\{\{\\M@TitleReference \{([^}]*)\}/g)) labels.set(m[1], m[2]);
  for (const m of aux.matchAll(/\\bibcite\{([^}]*)\}\{(\d+)\}/g)) citations.set(m[1], m[2]);
  const contents = [];
  for (const line of fs.readFileSync(`${build}/book.toc`, 'utf8').split('\n')) {
    const m = /^\\contentsline \{(\w+)\}\{(?:\\\w*numberline \{([^}]*)\})?(.*)\}\{[^{}]*\}\{[^{}]*\}%$/.exec(line);
    if (m) contents.push({ kind: m[1] === 'appendix' ? 'chapter' : m[1], number: m[2] || '', title: m[3] });
  }
  return { labels, citations, contents };
}

const zones = { 'The workshop': 'workshop', 'The proof': 'proof' };
// Of chapters on the path, files of these rooms are folded: they are plumbing there.
const foldedRoots = /^(tests|src\/(programs|app|data|io|peers))\//;

class Book {
  constructor(build, stream, plain, blocks) {
    Object.assign(this, { build, quotes: stream.quotes, floats: plain.floats, exercises: plain.exercises });
    this.numbers = readNumbers(build);
    this.byName = rootsOf(stream.chunks);
    this.names = collectNames(stream.chunks);
    this.code = new Code(stream.chunks, this.names);
    this.pictures = new Map();
    this.cut(blocks);
    this.place();
    this.numberChunks();
    this.findAnswers();
    this.findOwners();
  }

  // A section of the path says where its code and its tests are; these say in turn where they belong.
  findOwners() {
    this.owners = new Map();
    for (const page of this.pages) {
      const scan = x => {
        if (Array.isArray(x)) { x.forEach(scan); return; }
        if (!x || typeof x !== 'object' || x.c === undefined) return;
        const reference = x.t === 'Link' && x.c[0][2].find(k => k[0] === 'reference');
        const found = reference && this.at.get(reference[1]);
        if (found) this.owners.set(found.page, (this.owners.get(found.page) || new Set()).add(page));
        scan(x.c);
      };
      for (const block of page.blocks) if (block.t === 'Div' && block.c[0][1].includes('elsewhere')) scan(block.c[1]);
    }
  }

  // Pages, from headings. Level 1 is a part, 2 a chapter, 3 a section.
  cut(blocks) {
    this.pages = [];
    this.parts = [];
    const contents = this.numbers.contents.filter(c => ['part', 'chapter', 'section'].includes(c.kind));
    let at = 0, part = { title: 'Front matter', number: '', zone: 'front', chapters: [] }, chapter = null, page = null;
    this.parts.push(part);
    const files = new Set();
    const add = (level, header, numbered) => {
      const title = plainText(header.c[2]).replace(/\s+/g, ' ');
      let number = '';
      if (numbered) {
        const found = contents[at++];
        number = found ? found.number : '';
        const same = text => text.replace(/\\[a-zA-Z]+|[^A-Za-z]/g, '');
        if (!found || same(found.title).slice(0, 12) !== same(title).slice(0, 12)) {
          throw new Error(`the PDF's contents have "${found && found.title}" where the text has "${title}"`);
        }
      }
      const key = level === 2 && /^ch:(.*)/.exec(header.c[1][0]);
      let file = level === 2 ? slug(key ? key[1] : title) : `${chapter.slug}-${brief(slug(title))}`;
      while (files.has(file)) file += '-2';
      files.add(file);
      return { level, title, header, number, file: `${file}.html`, slug: file, id: header.c[1][0], blocks: [], sections: [], formulas: new Set() };
    };
    for (const block of blocks) {
      const level = block.t === 'Header' ? block.c[0] : 0, unnumbered = level && block.c[1][1].includes('unnumbered');
      if (level === 1) {
        const title = plainText(block.c[2]), found = contents[at++];
        if (!found || found.kind !== 'part') throw new Error(`the PDF's contents have no part where the text has "${title}"`);
        part = { title, number: found.number, zone: zones[title] || 'path', chapters: [] };
        this.parts.push(part);
      } else if (level === 2) {
        const kind = contents[at];
        if (/^[A-Z]$/.test(kind ? kind.number : '') && part.zone !== 'back') {
          part = { title: 'Back matter', number: '', zone: 'back', chapters: [] };
          this.parts.push(part);
        }
        chapter = page = add(2, block, true);
        if (chapter.number === '0') { part = { title: 'The quick tour', number: '', zone: 'path', chapters: [] }; this.parts.push(part); }
        chapter.part = part;
        part.chapters.push(chapter);
        this.pages.push(chapter);
      } else if (level === 3 && !(unnumbered && chapter.title === 'Preface')) {
        page = add(3, block, !unnumbered);
        page.chapter = chapter;
        page.part = part;
        chapter.sections.push(page);
        this.pages.push(page);
      } else if (page) page.blocks.push(block);
    }
    for (const p of this.pages) p.zone = p.part.zone;
  }

  // Where labels and chunks are.
  place() {
    this.at = new Map();
    for (const page of this.pages) {
      if (page.id) this.at.set(page.id, { page, top: true });
      const scan = x => {
        if (Array.isArray(x)) { x.forEach(scan); return; }
        if (!x || typeof x !== 'object') return;
        if (x.t === 'Header' && x.c[1][0]) this.at.set(x.c[1][0], { page });
        if ((x.t === 'Span' || x.t === 'Div') && x.c[0][0]) this.at.set(x.c[0][0], { page });
        if (x.t === 'CodeBlock') {
          const mark = /^@@CHUNK (\d+)@@$/.exec(x.c[1].trim());
          if (mark) this.code.chunks[mark[1]].page = page;
        }
        if (x.t === 'Str' || x.t === 'Math') return;
        if (x.t === 'Para') {
          const mark = /^@@(FLOAT|EXERCISE) (\d+)@@$/.exec(plainText(x).trim());
          if (mark) {
            const label = mark[1] === 'FLOAT' ? this.floats[mark[2]].label : this.exercises[mark[2]];
            if (label) this.at.set(label, { page });
            if (mark[1] === 'FLOAT') for (const other of this.floats[mark[2]].others) this.at.set(other, { page });
          }
        }
        if (x.c !== undefined) scan(x.c);
      };
      scan(page.header.c[2]);
      scan(page.blocks);
    }
  }

  // Chunks are called by their section and place in it: 4.2-3.
  numberChunks() {
    const count = new Map();
    for (const chunk of this.code.chunks) {
      if (!chunk.page) throw new Error(`chunk <<${chunk.name}>> stands on no page`);
      const n = (count.get(chunk.page) || 0) + 1;
      count.set(chunk.page, n);
      chunk.number = `${chunk.page.number || chunk.page.title}-${n}`;
      chunk.id = chunk.label;
    }
  }

  // An answer is what follows the number of its exercise, up to the next one.
  findAnswers() {
    this.answers = new Map();
    for (const page of this.pages) {
      const chapter = page.chapter || page;
      if (!chapter.title.startsWith('Answers')) continue;
      let answer = null;
      for (const block of page.blocks) {
        const first = block.t === 'Para' && block.c[0].t === 'Link' && block.c[0].c[0][2].find(k => k[0] === 'reference');
        if (first && first[1].startsWith('ex:')) this.answers.set(first[1], answer = []);
        if (block.t === 'Header') answer = null;
        if (answer) answer.push(block);
      }
    }
  }

  reference(label, from) {
    const number = this.numbers.labels.get(label), found = this.at.get(label);
    if (!number || !found) throw new Error(`reference to ${label}: ${number ? 'stands on no page' : 'has no number in book.aux'}`);
    return { number, href: found.top ? (found.page === from ? '#top' : found.page.file) : `${found.page === from ? '' : found.page.file}#${label}` };
  }

  citation(key) {
    const number = this.numbers.citations.get(key);
    if (!number) throw new Error(`no citation ${key} in book.aux`);
    return number;
  }

  // A picture's place in the edition; drawings are SVG, made before.
  picture(name) {
    const vector = name.endsWith('.svg');
    const from = vector ? `${this.build}/web/svg/${name.replace(/\//g, '-')}` : `${this.build}/${name}${/\.\w+$/.test(name) ? '' : '.png'}`;
    if (!fs.existsSync(from)) throw new Error(`${from}: expected this picture, found none`);
    const src = `pictures/${name.replace(/^(runs|figures|drawings)\//, '').replace(/\//g, '-')}${/\.\w+$/.test(name) ? '' : '.png'}`;
    if (!this.pictures.has(src)) this.pictures.set(src, { from, vector, ...sizeOf(from, vector) });
    return { src, vector, ...this.pictures.get(src) };
  }

  live(name) {
    const still = stills[name];
    if (!still) throw new Error(`live figure ${name}: expected one of ${Object.keys(stills).join(', ')}`);
    const from = path.join(__dirname, '../stills', `${name}.png`), src = `pictures/live-${name}.png`, size = sizeOf(from, false);
    this.pictures.set(src, { from, vector: false, ...size });
    return `<div class="live" data-live="${name}"><p class="said">${still} This figure answers where scripts run; here it is as it was once.</p>` +
      `<img src="${src}" alt="${escape(still)}" width="${size.width}" height="${size.height}" class="pixels" loading="lazy"></div>`;
  }

  chunkName(chunk, from) {
    const first = this.code.byLabel.get(chunk.first) || chunk;
    const name = `⟨${escape(chunk.name)}⟩`;
    return first === chunk ? `${name}≡` : `<a href="${this.code.address(first, from)}">${name}</a>+≡`;
  }

  chunkFoot(chunk, from) {
    const link = (label, text) => {
      const target = this.code.byLabel.get(label);
      return target ? `<a href="${this.code.address(target, from)}">${text}</a>` : '';
    };
    const foot = [];
    const users = [...new Set(chunk.usedBy)].map(label => this.code.byLabel.get(label)).filter(Boolean);
    if (users.length) foot.push('used in ' + users.map(u => link(u.label, `⟨${escape(u.name)}⟩`)).join(', '));
    if (chunk.previous) foot.push(link(chunk.previous, '◂ previous part'));
    if (chunk.next) foot.push(link(chunk.next, 'next part ▸'));
    const files = chunk.roots.filter(isFile);
    if (files.length) foot.push('whole file: ' + files.map(f => `<a href="file.html#${escape(f)}">${escape(f)}</a>`).join(', '));
    return foot.join(' · ');
  }

  chunkHtml(chunk, from) {
    const lines = this.code.highlighted(chunk).source.split('\n').length;
    const box = `<div class="chunk" id="${chunk.id}"><div class=head><span class=name>${this.chunkName(chunk, from)}</span>` +
      `<a class="anchor" href="#${chunk.id}">${escape(chunk.number)}</a></div>` +
      `<pre tabindex="0"><code>${this.code.body(chunk, from)}</code></pre><div class=foot>${this.chunkFoot(chunk, from)}</div></div>`;
    const folded = from.zone === 'path' && chunk.roots.length && chunk.roots.every(r => foldedRoots.test(r));
    return folded ? `<details class="folded"><summary>⟨${escape(chunk.name)}⟩ <small>${lines} lines</small></summary>${box}</details>` : box;
  }

  html(page) {
    const owners = [...(this.owners.get(page) || [])].map(o => `<a href="${o.file}">${escape(`${o.number} ${o.title}`.trim())}</a>`);
    const belongs = owners.length ? `<p class="note">Belongs to ${owners.join(', ')}.</p>\n` : '';
    return belongs + new Render(this, page).blocks(page.blocks);
  }

  // A title, which stands in links and on other pages: without links of its own.
  titleHtml(page) { return new Render(this, page).inlines(page.header.c[2]).replace(/<\/?a\b[^>]*>/g, ''); }
}

// What stands in the place of a live figure without scripts: a picture of it as it was once, stills/NAME.png, and
// what it shows.
const stills = {
  digit: 'A digit, the probabilities that the network gives the ten classes, and where CLS looks in each block and head.',
  attention: 'A digit cut into patches, one of them chosen, and where it looks in each block and head.',
  captions: 'A red circle and a blue star, four captions, and what CLIP and SigLIP make of them.',
  fill: 'A photograph with three quarters of its patches hidden, filled in by MAE, and whole.',
  losses: 'Four pictures and four texts as vectors in the plane, their cosines, and the gradients of both losses.',
  train: 'The loss of a training in the page, and six test pictures with what the network says.',
};
// The first words of a title, 24 letters of them at most.
const brief = words => words.length <= 24 ? words : words.slice(0, 25).replace(/-[^-]*$/, '');
const fileId = file => `file-${file.replace(/[/.]/g, '-')}`;

// Width and height in pixels, so that text does not jump when a picture comes.
function sizeOf(file, vector) {
  if (vector) {
    const head = fs.readFileSync(file, 'utf8').slice(0, 600), m = /width="([\d.]+)(?:pt)?" height="([\d.]+)/.exec(head);
    return { width: Math.round(m[1] * 4 / 3), height: Math.round(m[2] * 4 / 3) };
  }
  const bytes = fs.readFileSync(file);
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

module.exports = { Book, fileId, isFile };
