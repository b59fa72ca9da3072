// The book's LaTeX, made plain enough for pandoc: our own commands are replaced by what they stand for, and
// figures, tables and exercises by environments whose label is a mark.
'use strict';
const fs = require('fs');
const { texMark } = require('./stream');

// The text between braces that begins at text[at] === '{', and where it ends.
function braces(text, at) {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text[i] === '\\') { i++; continue; }
    if (text[i] === '{') depth++;
    if (text[i] === '}' && --depth === 0) return { body: text.slice(at + 1, i), end: i + 1 };
  }
  throw new Error(`braces that do not close: ${text.slice(at, at + 80)}`);
}

// Replace \name{a}{b}... by what `make` returns for its arguments.
function replaceCommand(text, name, count, make) {
  const pattern = new RegExp(`\\\\${name}(?![a-zA-Z])\\s*`, 'g');
  let out = '', from = 0;
  for (let m; (m = pattern.exec(text));) {
    let at = m.index + m[0].length;
    const args = [];
    while (args.length < count && text[at] === '{') {
      const { body, end } = braces(text, at);
      args.push(body);
      at = end;
    }
    if (args.length < count) continue;
    out += text.slice(from, m.index) + make(...args);
    from = pattern.lastIndex = at;
  }
  return out + text.slice(from);
}

// Numbers of the runs: macros.tex has a \rundef{RUN}{KEY}{VALUE}{PERCENT} for each.
function readRuns(file) {
  const runs = new Map();
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    const m = line.match(/^\\rundef\{([^}]*)\}\{([^}]*)\}\{(.*)\}\{([^{}]*)\}\s*$/);
    if (m) runs.set(`${m[1]}:${m[2]}`, { value: m[3], percent: m[4] });
  }
  return runs;
}

// What the book's LaTeX is made of: the folder of results, and what is found on the way.
class Plain {
  constructor(build) {
    this.build = build;
    this.runs = readRuns(`${build}/runs/macros.tex`);
    this.drawings = [];  // inline TikZ
    this.floats = [];    // {kind, label, others}
    this.exercises = []; // label
  }

  input(name) {
    if (/^(figures|drawings)\//.test(name)) {
      return `\\includegraphics{${name.replace(/\.tex$/, '')}.svg}`;
    }
    return fs.readFileSync(`${this.build}/${name}`, 'utf8').replace(/%\n/g, '');
  }

  found(run, key) {
    const found = this.runs.get(`${run}:${key}`);
    if (!found) throw new Error(`no number ${run}:${key} in runs/macros.tex`);
    return found;
  }

  number(run, key, which) {
    const found = this.found(run, key);
    return which === 'run' ? found.value : `${found.percent}\\,\\%`;
  }

  ownCommands(text) {
    text = replaceCommand(text, 'IfFileExists', 3, (file, yes, no) => fs.existsSync(`${this.build}/${file}`) ? yes : no);
    for (let depth = 0; depth < 2; depth++) text = replaceCommand(text, 'input', 1, name => this.input(name));
    text = replaceCommand(text, 'verbatiminput', 1,
                          name => `\\begin{verbatim}\n${fs.readFileSync(`${this.build}/${name}`, 'utf8')}\\end{verbatim}`);
    text = text.replace(/\\begin\{tikzpicture\}[^]*?\\end\{tikzpicture\}/g, drawing => {
      this.drawings.push(drawing);
      return `\\includegraphics{drawings/inline-${this.drawings.length}.svg}`;
    });
    for (const which of ['run', 'runpercent']) {
      text = replaceCommand(text, which, 2, (run, key) => this.number(run, key, which));
    }
    text = replaceCommand(text, 'spread', 2, (run, key) =>
      `$${this.found(run, key).percent}\\pm${this.found(run, `${key}-std`).percent}$\\,\\%`);
    text = replaceCommand(text, 'gap', 1, id =>
      `${this.found('claim', `${id}-gap`).value} points, ${this.found('claim', id).percent} standard errors`);
    text = text.replace(/\\liverun(?![a-zA-Z])/g, '$\\triangleright$~').replace(/\\refrun(?![a-zA-Z])/g, '$\\blacksquare$~');
    text = replaceCommand(text, 'lit', 1, body => `\\texttt{${body.replace(/--/g, '-{}-')}}`);
    text = replaceCommand(text, 'elsewhere', 1, body => `\n\n\\begin{elsewhere}\n${body}\n\\end{elsewhere}\n\n`);
    return replaceCommand(text, 'live', 1, name => `\n\n\\begin{live}\n${name}\n\\end{live}\n\n`);
  }

  // What only helps on paper.
  paperCommands(text) {
    return text.replace(/,?\s*(?:on\s+)?pages?~\\pageref\{[^}]*\}/g, '')
      .replace(/\\(setlength|renewcommand)\{[^}]*\}\{[^}]*\}/g, '')
      .replace(/\\raisebox\{[^{}]*\}\{(\\includegraphics(?:\[[^\]]*\])?\{[^}]*\})\}/g, '$1')
      .replace(/\\(firmlist|hfill|sloppy|noindent|centering|raggedright|footnotesize|scriptsize|small|allowbreak|clearpage|par)(?![a-zA-Z])/g, '')
      .replace(/\\char(\d+)\{\}/g, (m, code) => `\\symbol{${code}}`)
      .replace(/\\symbol\{(\d+)\}/g, (m, code) => ({ 92: '\\textbackslash{}', 94: '\\textasciicircum{}', 126: '\\textasciitilde{}' })[code])
      .replace(/\\\\\[[^\]]*\]/g, '\\\\')
      .replace(/psmallmatrix/g, 'pmatrix');
  }

  float(kind, body) {
    const at = body.indexOf('\\caption');
    const caption = braces(body, body.indexOf('{', at));
    const labels = [...body.matchAll(/\\label\{([^}]*)\}/g)].map(m => m[1]);
    const rest = (body.slice(0, at) + body.slice(caption.end)).replace(/\\label\{[^}]*\}/g, '').replace(/^\s*\[[^\]]*\]/, '');
    this.floats.push({ kind, label: labels[0], others: labels.slice(1) });
    return `\n\n\\begin{float}\n${texMark('FLOAT', this.floats.length - 1)}\n\n${rest.trim()}\n\n` +
           `\\begin{floatcaption}\n${caption.body.replace(/\\label\{[^}]*\}/g, '')}\n\\end{floatcaption}\n\\end{float}\n\n`;
  }

  // LaTeX without our commands, for pandoc.
  make(tex) {
    const from = tex.indexOf('\\chapter{Preface}'), to = tex.indexOf('\\chapter{Index of chunks}');
    let verbatim = false;
    let text = tex.slice(from, to).split('\n').map(line => {
      if (/\\(begin|end)\{verbatim\}/.test(line)) verbatim = /\\begin/.test(line);
      return verbatim ? line : line.replace(/(^|[^\\])%.*$/, '$1');
    }).join('\n');
    text = this.paperCommands(this.ownCommands(text));
    text = text.replace(/\\begin\{(figure|table)\}([^]*?)\\end\{\1\}/g, (m, kind, body) => this.float(kind, body));
    text = text.replace(/\\begin\{exercise\}\s*(?:\\label\{([^}]*)\})?/g, (m, label) => {
      this.exercises.push(label || null);
      return `\\begin{exercise}\n${texMark('EXERCISE', this.exercises.length - 1)}\n\n`;
    });
    return '\\documentclass{book}\\begin{document}\n' + text + '\n\\end{document}\n';
  }
}

module.exports = { Plain };
