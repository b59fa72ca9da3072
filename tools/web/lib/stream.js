// The book as noweb sees it: `markup` and its filters print one event a line. Here they become one text of
// LaTeX, in which code and quoted code are marks, and a list of the chunks.
'use strict';

// noweb's labels begin with a mark of the file, which is one for all.
const short = label => label.replace(/^NW[^-]*-/, '');
const texMark = (kind, n) => `@@${kind} ${n}@@`;

function newChunk(n) {
  return { n, parts: [], label: null, labels: [], first: null, name: '', previous: null, next: null,
           usedBy: [], defines: [] };
}

// Events of a chunk of code. Its parts: {text} or {use, name}, `use` the label of the chunk that is used.
function codeEvent(chunk, state, key, rest) {
  if (key === '@text') chunk.parts.push({ text: rest });
  else if (key === '@nl') chunk.parts.push({ text: '\n' });
  else if (key === '@defn') chunk.name = rest;
  else if (key === '@use') chunk.parts.push({ use: state.reference, name: rest });
  else if (key === '@xref') {
    const [what, long] = rest.split(' '), label = long && short(long);
    if (what === 'label') {
      chunk.label = chunk.label || label; // what follows are labels of uses inside it
      chunk.labels.push(label);
    } else if (what === 'ref') {
      state.reference = label;
      chunk.first = chunk.first || label;
    } else if (what === 'prevdef') chunk.previous = label;
    else if (what === 'nextdef') chunk.next = label;
    else if (what === 'useitem') chunk.usedBy.push(label);
  } else if (key === '@index') {
    const [what, name] = rest.split(/ (?!.* )/);
    if (what === 'defn' || what.startsWith('localdefn')) chunk.defines.push(name);
  }
}

// {tex, chunks, quotes} of a stream.
function readStream(text) {
  const tex = [], chunks = [], quotes = [];
  let chunk = null, quote = null;
  const state = { reference: null };
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    const key = space < 0 ? line : line.slice(0, space), rest = space < 0 ? '' : line.slice(space + 1);
    if (key === '@begin' && rest.startsWith('code')) chunk = newChunk(chunks.length);
    else if (key === '@end' && chunk) {
      tex.push(`\n\\begin{verbatim}\n${texMark('CHUNK', chunk.n)}\n\\end{verbatim}\n`);
      chunks.push(chunk);
      chunk = null;
    } else if (chunk) codeEvent(chunk, state, key, rest);
    else if (key === '@quote') quote = '';
    else if (key === '@endquote') {
      tex.push(`\\texttt{${texMark('QUOTE', quotes.length)}}`);
      quotes.push(quote);
      quote = null;
    } else if (key === '@text' || key === '@nl') {
      const piece = key === '@nl' ? '\n' : rest;
      if (quote !== null) quote += piece;
      else tex.push(piece);
    }
  }
  return { tex: tex.join(''), chunks, quotes };
}

module.exports = { readStream, texMark };
