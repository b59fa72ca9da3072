// pandoc's tree of a document as HTML: what LaTeX of the book needs of it, and an error for the rest.
'use strict';
const katex = require('katex');
const { escape } = require('./code');

// pandoc leaves TeX's quotes as they are.
const quoted = text => text.replace(/``/g, '“').replace(/''/g, '”').replace(/`/g, '‘');
const plainText = x => Array.isArray(x) ? x.map(plainText).join(x[0] && /^(Para|Plain|Div|Header|CodeBlock)$/.test(x[0].t) ? ' ' : '') : !x || typeof x !== 'object' ? '' :
  x.t === 'Str' ? quoted(x.c) : x.t === 'Space' || x.t === 'SoftBreak' || x.t === 'LineBreak' ? ' ' :
  x.t === 'Code' || x.t === 'CodeBlock' || x.t === 'Math' ? x.c[1] : x.t === 'RawInline' || x.t === 'RawBlock' ? '' :
  x.t === 'Quoted' || x.t === 'Cite' ? plainText(x.c[1]) : plainText(x.c);

const slug = text => text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');

// A short name for a formula that stays while the formula does.
function fingerprint(text) {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return (h >>> 0).toString(36);
}

class Render {
  // `book` resolves references; `page` is where the HTML will stand.
  constructor(book, page) {
    this.book = book;
    this.page = page;
    this.copy = false; // an answer shown a second time has no ids of its own
  }

  id(name) { return this.copy || !name ? '' : ` id="${escape(name)}"`; }

  // A short formula stays on the line of the comma or bracket beside it.
  inlines(list) {
    let html = '';
    for (let i = 0; i < list.length; i++) {
      const x = list[i], next = list[i + 1], mark = next && next.t === 'Str' && /^[,.;:)]+/.exec(next.c);
      if (x.t === 'Math' && x.c[0].t === 'InlineMath' && x.c[1].length < 40 && mark) {
        html += `<span class="whole">${this.inline(x)}${mark[0]}</span>${this.inline({ t: 'Str', c: next.c.slice(mark[0].length) })}`;
        i++;
      } else html += this.inline(x);
    }
    return html;
  }

  math(tex, display) {
    const symbol = !display && /^[A-Za-z]$/.exec(tex);
    if (symbol) return `<i class=m>${tex}</i>`;
    const html = katex.renderToString(tex, { displayMode: display, throwOnError: true, strict: 'ignore', output: 'htmlAndMathml' })
      .replace(/<annotation.*?<\/annotation>/gs, '').replace(' xmlns="http://www.w3.org/1998/Math/MathML"', '') // HTML needs neither,
      .replace(/<span[^<>]*>/g, tag => tag.replace(/ (class|style)="([\w.:;#%,+-]+)"/g, ' $1=$2')) // nor all quotes;
      .replace(/ class=mspace style=margin-right:0\.(1667|2222|2778)em;/g, (all, width) => ` class=${{ 1667: 'ga', 2222: 'gb', 2778: 'gc' }[width]}`); // the usual gaps: site.css
    if (!display) return html;
    let name = `eq-${fingerprint(tex)}`;
    while (this.page.formulas.has(name)) name += 'x';
    if (!this.copy) this.page.formulas.add(name);
    return `<span class="equation"${this.id(name)} tabindex="0" role="group" aria-label="equation">${html}` +
           `${this.copy ? '' : `<a class="anchor" href="#${name}" aria-label="link to this equation">#</a>`}</span>`;
  }

  inline(x) {
    switch (x.t) {
      case 'Str': return escape(quoted(x.c));
      case 'Space': return ' ';
      case 'SoftBreak': return '\n';
      case 'LineBreak': return '<br>';
      case 'Emph': return `<em>${this.inlines(x.c)}</em>`;
      case 'Strong': return `<strong>${this.inlines(x.c)}</strong>`;
      case 'SmallCaps': case 'Underline': return this.inlines(x.c);
      case 'Superscript': return `<sup>${this.inlines(x.c)}</sup>`;
      case 'Subscript': return `<sub>${this.inlines(x.c)}</sub>`;
      case 'Quoted': return x.c[0].t === 'DoubleQuote' ? `“${this.inlines(x.c[1])}”` : `‘${this.inlines(x.c[1])}’`;
      case 'Math': return this.math(x.c[1], x.c[0].t === 'DisplayMath');
      case 'Code': return this.code(x.c[1]);
      case 'Cite': return '[' + x.c[0].map(c => {
        const rest = plainText(c.citationSuffix).replace(/^[\s,]+/, ''), number = this.book.citation(c.citationId);
        return `<a class="cite" href="bibliography.html#${escape(c.citationId)}">${number}</a>${rest ? `, ${escape(rest)}` : ''}`;
      }).join(', ') + ']';
      case 'Link': {
        const reference = x.c[0][2].find(k => k[0] === 'reference');
        if (!reference) return `<a href="${escape(x.c[2][0])}" rel="external">${this.inlines(x.c[1])}</a>`;
        const { number, href } = this.book.reference(reference[1], this.page);
        return `<a class="ref" href="${href}">${number}</a>`;
      }
      case 'Span': return `<span${this.id(x.c[0][0])}>${this.inlines(x.c[1])}</span>`;
      case 'Image': return this.picture(x.c[2][0], this.alt || plainText(x.c[1]));
      case 'RawInline': return '';
      case 'Note': return ` (${x.c.map(b => this.inlines(b.c)).join(' ')})`;
      default: throw new Error(`render: what is an inline ${x.t}?`);
    }
  }

  // Quoted code: a name that is known leads to its definition.
  code(text) {
    const mark = /^@@QUOTE (\d+)@@$/.exec(text);
    const word = mark ? this.book.quotes[mark[1]] : text;
    const known = /^[A-Za-z_]\w*$/.test(word) && this.book.names.global.get(word);
    if (!known) return `<code>${escape(word)}</code>`;
    const target = known.body || known.chunk;
    return `<a class="id" href="${this.book.code.address(target, this.page)}"><code>${escape(word)}</code></a>`;
  }

  picture(name, alt) {
    const { src, vector, width, height } = this.book.picture(name);
    const size = width ? ` width="${width}" height="${height}"` : '';
    const image = `<img src="${src}" alt="${escape(alt)}"${size} class="${vector ? this.shaded ? 'plate' : 'vector' : 'pixels'}" loading="lazy">`;
    return `<a class="truesize" href="${src}" title="${vector ? 'alone, to be enlarged' : 'at its true size'}">${image}</a>`;
  }

  blocks(list) { return list.map(x => this.block(x)).join('\n'); }

  items(list) { return list.map(item => `<li>${this.blocks(item)}</li>`).join('\n'); }

  block(x) {
    switch (x.t) {
      case 'Para': return `<p>${this.inlines(x.c)}</p>`;
      case 'Plain': return this.inlines(x.c);
      case 'Header': return this.heading(x);
      case 'BulletList': return `<ul>${this.items(x.c)}</ul>`;
      case 'OrderedList': return `<ol>${this.items(x.c[1])}</ol>`;
      case 'DefinitionList': return `<dl>${x.c.map(([term, bodies]) => `<dt>${this.inlines(term)}</dt>` +
        bodies.map(b => `<dd>${this.blocks(b)}</dd>`).join('')).join('\n')}</dl>`;
      case 'BlockQuote': return `<blockquote>${this.blocks(x.c)}</blockquote>`;
      case 'CodeBlock': return this.codeBlock(x.c[1]);
      case 'Table': return this.table(x);
      case 'Div': return this.division(x);
      case 'RawBlock': case 'Null': return '';
      case 'HorizontalRule': return '<hr>';
      default: throw new Error(`render: what is a block ${x.t}?`);
    }
  }

  heading(x) {
    const level = Math.max(2, x.c[0] - 1), name = x.c[1][0];
    return `<h${level}${this.id(name)}>${this.inlines(x.c[2])}${this.copy ? '' : ` <a class="anchor" href="#${name}" aria-label="link to this heading">#</a>`}</h${level}>`;
  }

  codeBlock(text) {
    const mark = /^@@CHUNK (\d+)@@$/.exec(text.trim());
    if (!mark) return `<pre class="plain" tabindex="0">${escape(text)}</pre>`;
    const chunk = this.book.code.chunks[mark[1]];
    if (this.copy) {
      return `<pre class="plain" tabindex="0"><code>${this.book.code.body(chunk, this.page)}</code></pre>` +
             `<p class="elsewhere">In <a href="${this.book.code.address(chunk, this.page)}">the answers</a>, ${escape(chunk.number)}.</p>`;
    }
    return this.book.chunkHtml(chunk, this.page);
  }

  cells(row, tag) {
    return row[1].map(cell => {
      const align = { AlignRight: 'right', AlignCenter: 'center' }[cell[1].t] || '';
      const span = cell[3] > 1 ? ` colspan="${cell[3]}"` : '';
      const text = this.blocks(cell[4]), own = tag === 'th' && text ? 'th' : 'td', scope = own === 'th' ? ' scope="col"' : '';
      return `<${own}${scope}${span}${align ? ` class="${align}"` : ''}>${text}</${own}>`;
    }).join('');
  }

  table(x) {
    const aligns = x.c[2].map(c => c[0].t);
    const rows = list => list.map(row => {
      let column = 0;
      const cells = row[1].map(cell => {
        const own = cell[1].t === 'AlignDefault' ? { t: aligns[column] } : cell[1];
        column += cell[3];
        return [cell[0], own, cell[2], cell[3], cell[4]];
      });
      return [row[0], cells];
    });
    const head = rows(x.c[3][1]).map(r => `<tr>${this.cells(r, 'th')}</tr>`).join('');
    const body = x.c[4].map(b => rows(b[3]).map(r => `<tr>${this.cells(r, 'td')}</tr>`).join('')).join('');
    return `<div class="wide" tabindex="0" role="group" aria-label="table"><table>${head ? `<thead>${head}</thead>` : ''}<tbody>${body}</tbody></table></div>`;
  }

  division(x) {
    const kind = x.c[0][1][0];
    if (kind === 'float') return this.float(x);
    if (kind === 'exercise') return this.exercise(x);
    if (kind === 'live') return this.book.live(plainText(x.c[1]).trim());
    if (kind === 'description') throw new Error('render: a description without its terms');
    if (kind === 'elsewhere') return `<div class="elsewhere">${this.blocks(x.c[1])}</div>`;
    return this.blocks(x.c[1]);
  }

  float(x) {
    const mark = /^@@FLOAT (\d+)@@$/.exec(plainText(x.c[1][0]).trim()), { kind, label, others } = this.book.floats[mark[1]];
    const last = x.c[1][x.c[1].length - 1], caption = last.c[1];
    const words = kind === 'figure' ? 'Figure' : 'Table', { number } = this.book.reference(label, this.page);
    const before = this.alt;
    // Where a caption speaks of shades they must stay what they are in dark mode.
    this.shaded = /\b(dark|light|bright|pale|black|white|grey|shade)/i.test(plainText(caption));
    this.alt = plainText(caption).replace(/\s+/g, ' ').trim();
    const body = this.blocks(x.c[1].slice(1, -1));
    this.alt = before;
    this.shaded = false;
    const text = this.blocks(caption).replace(/^<p>/, '').replace(/<\/p>$/, '').replace(/<\/p>\s*<p>/g, '<br>');
    return `<figure${this.id(label)} class="${kind}">${others.map(o => `<span${this.id(o)}></span>`).join('')}${body}<figcaption><a class="number" href="#${label}">${words} ${number}.</a> ${text}</figcaption></figure>`;
  }

  exercise(x) {
    const mark = /^@@EXERCISE (\d+)@@$/.exec(plainText(x.c[1][0]).trim()), label = this.book.exercises[mark[1]];
    const number = label ? this.book.reference(label, this.page).number : '';
    const answer = label && this.book.answers.get(label);
    let unfolded = '';
    if (answer) {
      const copy = new Render(this.book, this.page);
      copy.copy = true;
      unfolded = `<details class="answer"><summary>Answer</summary>${copy.blocks(answer)}</details>`;
    }
    const name = label || `exercise-${mark[1]}`;
    return `<section class="exercise"${this.id(name)} aria-label="exercise ${number}"><a class="number" href="#${name}">${number}</a><div>${this.blocks(x.c[1].slice(1))}${unfolded}</div></section>`;
  }
}

module.exports = { Render, plainText, slug };
