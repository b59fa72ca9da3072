// Chunks of code as HTML: highlighted, with links from names to what they stand for.
'use strict';
const hljs = require('highlight.js');

const escape = text => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
const HOLE = 0xE100; // a private character stands for a chunk that is used

const languageOf = chunk => chunk.roots.some(r => r.endsWith('.py')) ? 'python' : 'c';

// Keywords, strings and comments are told apart, as in print, in few bytes.
const kinds = { keyword: 'b', literal: 'b', meta: 'b', string: 'u', comment: 'i', doctag: 'i' };
function brief(html) {
  const open = [];
  return html.replace(/<span class="hljs-([a-z_]+)[^"]*">|<\/span>/g, (tag, kind) => {
    if (tag === '</span>') { const last = open.pop(); return last ? `</${last}>` : ''; }
    open.push(kinds[kind]);
    return kinds[kind] ? `<${kinds[kind]}>` : '';
  });
}

class Code {
  constructor(chunks, names) {
    this.chunks = chunks;
    this.names = names;
    this.byLabel = new Map();
    for (const c of chunks) for (const label of c.labels) this.byLabel.set(label, c);
    this.uses = new Map(); // name -> set of chunks, for the index
  }

  address(chunk, from) { return `${chunk.page === from ? '' : chunk.page.file}#${chunk.id}`; }

  link(word, next, chunk, from) {
    const entry = this.names.find(word, chunk);
    if (!entry) return word;
    if (entry.kind === 'function' && next !== '(' && !word.includes('_')) return word; // `sum` may be a variable
    const target = entry.body || entry.chunk;
    if (!this.uses.has(entry)) this.uses.set(entry, new Set());
    this.uses.get(entry).add(chunk);
    if (target === chunk) return word;
    return `<a href="${this.address(target, from)}">${word}</a>`;
  }

  // The lines of a chunk, holes for what it uses; {html, used, source}. On the path includes and guards are not
  // shown, as in print, unless `all` is asked for or there is nothing else.
  highlighted(chunk, all = false) {
    const key = all ? 'whole' : 'shown';
    if (chunk[key]) return chunk[key];
    const used = [];
    let source = chunk.parts.map(p => p.use === undefined ? p.text : (used.push(p), String.fromCharCode(HOLE + used.length - 1)))
      .join('').replace(/^\n+/, '').replace(/\s+$/, '');
    const shown = source.replace(/^#(?:include|pragma once).*\n?/gm, '').replace(/\n{3,}/g, '\n\n').trim();
    if (!all && chunk.page.zone === 'path' && shown) source = shown;
    const html = brief(hljs.highlight(source, { language: languageOf(chunk), ignoreIllegals: true }).value);
    return (chunk[key] = { html, used, source });
  }

  linked(chunk, from) {
    const { html } = this.highlighted(chunk);
    if (chunk.page.zone !== 'path') return html; // elsewhere by script alone
    const depth = [], linked = new Set(); // the first of each name; the rest are linked by script
    const pieces = html.split(/(<[^>]*>)/);
    return pieces.map((piece, i) => {
      if (piece[0] === '<') {
        if (piece[1] === '/') depth.pop();
        else depth.push(piece);
        return piece;
      }
      if (depth.some(d => d === '<u>' || d === '<i>')) return piece; // a string or a comment
      return piece.replace(/[A-Za-z_]\w*/g, (word, at) => {
        if (at && /[&\w#]/.test(piece[at - 1])) return word; // an entity such as &lt;
        if (at && (piece[at - 1] === '.' || piece.slice(at - 5, at) === '-&gt;')) return word; // a member
        const next = piece[at + word.length] || (pieces.slice(i + 1).find(p => p && p[0] !== '<') || '')[0];
        if (linked.has(word)) return word;
        const link = this.link(word, next, chunk, from);
        if (link !== word) linked.add(word);
        return link;
      });
    }).join('');
  }

  // The code of a chunk on a page, its uses links that can be unfolded.
  body(chunk, from, names = true) { // without names: all of it, for scripts
    const { used, html } = this.highlighted(chunk, !names);
    return (names ? this.linked(chunk, from) : html).replace(/[\uE100-\uF8FF]/g, hole => {
      const use = used[hole.charCodeAt(0) - HOLE], target = this.byLabel.get(use.use);
      if (!target) throw new Error(`chunk <<${use.name}>> is used and not defined`);
      return `<a class="use" href="${this.address(target, from)}">⟨${escape(use.name)}⟩</a>`;
    });
  }
}

module.exports = { Code, escape };
