// Functions, types, macros and constants of the C: where each is declared, defined and explained.
//
// The chunks are read as the book's C is written: what begins a definition stands at the left edge, and the
// comment above a declaration in a header is its contract.
'use strict';

const isFile = name => /^(src|tests)\//.test(name);
const keywords = new Set(('auto break case char const continue default do double else enum extern float for goto if inline ' +
  'int long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while ' +
  'bool true false NULL defined').split(' '));

// The files that a chunk ends up in: up through the chunks that use it.
function rootsOf(chunks) {
  const byName = new Map();
  for (const c of chunks) {
    if (!byName.has(c.name)) byName.set(c.name, []);
    byName.get(c.name).push(c);
  }
  const users = new Map(); // name -> names of the chunks that use it
  for (const c of chunks) {
    for (const p of c.parts) {
      if (p.use === undefined) continue;
      if (!users.has(p.name)) users.set(p.name, new Set());
      users.get(p.name).add(c.name);
    }
  }
  const known = new Map();
  function roots(name) {
    if (known.has(name)) return known.get(name);
    const found = new Set(isFile(name) ? [name] : []);
    known.set(name, found);
    for (const user of users.get(name) || []) for (const r of roots(user)) found.add(r);
    return found;
  }
  for (const c of chunks) c.roots = [...roots(c.name)];
  return byName;
}

// What one chunk of C declares and defines: {name, kind, text, comment, defined}.
function declarationsOf(source) {
  const found = [], lines = source.split('\n');
  let comment = '';
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (/^\/\*/.test(line)) {
      let end = i;
      while (end < lines.length - 1 && !lines[end].includes('*/')) end++;
      comment = lines.slice(i, end + 1).join('\n');
      i = end;
      continue;
    }
    if (line === '') { comment = ''; continue; }
    const macro = /^#define (\w+)/.exec(line);
    if (macro) { found.push({ name: macro[1], kind: 'macro', text: line.trim(), comment, defined: true }); continue; }
    if (/^(typedef|enum|struct|union)\b/.test(line) || /^static const struct\b/.test(line)) {
      const closed = /\{/.test(line) ? /}[^{}]*;/ : /;\s*(\/\*.*)?$/;
      let end = i;
      while (end < lines.length - 1 && !closed.test(lines[end])) end++;
      const text = lines.slice(i, end + 1).join('\n');
      const type = /(?:}|\))?\s*\b(\w+)(\[[^\]]*\])?;\s*(?:\/\*.*\*\/)?$/.exec(text.trim());
      if (/^typedef/.test(line) && type && !/\(\*?\w+\)\(/.test(text)) found.push({ name: type[1], kind: 'type', text, comment, defined: true });
      const called = /^typedef .*\(\*(\w+)\)\(/.exec(text) || /^typedef [^({]*\b(\w+)\(/.exec(text);
      if (called) found.push({ name: called[1], kind: 'type', text, comment, defined: true });
      if (/\benum\b/.test(line)) {
        for (const m of text.replace(/\/\*[^]*?\*\//g, '').matchAll(/\b([A-Z][A-Z0-9_]*)\b\s*(?=[,=}])/g)) {
          found.push({ name: m[1], kind: 'constant', text, comment, defined: true });
        }
      }
      i = end;
      continue;
    }
    const test = /^START_TEST\((\w+)\)/.exec(line);
    if (test) { found.push({ name: test[1], kind: 'test', text: line, comment, defined: true }); continue; }
    if (/^[A-Za-z_]/.test(line) && line.includes('(')) {
      let end = i;
      while (end < lines.length - 1 && !/[{;]\s*(\/\*.*)?$|}\s*$/.test(lines[end])) end++;
      const text = lines.slice(i, end + 1).join('\n');
      const called = /(?:^|[\s*])([A-Za-z_]\w*)\(/.exec(text);
      if (called && !keywords.has(called[1]) && !/^\s*(return|else)/.test(line) && !/=/.test(text.slice(0, called.index))) {
        const defined = /\{/.test(text);
        found.push({ name: called[1], kind: 'function', text: text.replace(/\s*\{[^]*$/, ';'), comment, defined });
        i = end;
      }
    }
  }
  return found;
}

const sourceOf = chunk => chunk.parts.map(p => p.use === undefined ? p.text : '').join('');

// All names: `global` by name, `local` by "file:name", each {name, kind, text, comment, chunk, contract}.
function collectNames(chunks) {
  const global = new Map(), local = new Map();
  for (const chunk of chunks) {
    if (!chunk.roots.some(r => /\.[ch]$/.test(r))) continue;
    const header = chunk.roots.some(r => r.endsWith('.h'));
    for (const d of declarationsOf(sourceOf(chunk))) {
      const entry = { ...d, chunk };
      if (header) {
        const before = global.get(d.name);
        if (!before) global.set(d.name, { ...entry, contract: d });
        else if (!before.contract) before.contract = d;
      } else {
        for (const root of chunk.roots) {
          const key = `${root}:${d.name}`;
          if (!local.has(key) || (d.defined && !local.get(key).defined)) local.set(key, entry);
        }
      }
    }
  }
  // A function that a header declares is defined in a file: that is where its name leads.
  for (const entry of local.values()) {
    const declared = global.get(entry.name);
    if (declared && entry.defined && declared.kind === 'function' && !/^static/.test(entry.text) &&
        entry.chunk.roots.some(r => r.startsWith('src/')) && !declared.body) {
      declared.body = entry.chunk;
    }
  }
  return {
    find(name, chunk) {
      if (keywords.has(name)) return null;
      for (const root of chunk ? chunk.roots : []) {
        const own = local.get(`${root}:${name}`);
        if (own) return own;
      }
      return global.get(name) || null;
    },
    global, local,
  };
}

module.exports = { rootsOf, collectNames, isFile };
