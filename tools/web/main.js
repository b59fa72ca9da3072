// The web edition: build/html from what tools/weave and the runs left in build.
//
// usage: node tools/web/main.js BUILD STREAM   (from tools/weave-html)
'use strict';
const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');
const { readStream } = require('./lib/stream');
const { Plain } = require('./lib/latex');
const { Book } = require('./lib/book');
const { Site } = require('./lib/site');

function pandoc(tex) {
  const run = spawnSync('pandoc', ['-f', 'latex-smart', '-t', 'json'], { input: tex, maxBuffer: 1 << 28 });
  if (run.error || run.status) throw new Error(`pandoc: ${run.error || run.stderr}`);
  const said = run.stderr.toString().trim();
  if (said) throw new Error(`pandoc: ${said}`);
  return JSON.parse(run.stdout).blocks;
}

function figures(build, drawings) {
  fs.mkdirSync(`${build}/web`, { recursive: true });
  fs.writeFileSync(`${build}/web/drawings.tex`, drawings.map(d => `\\onepage{${d}}\n`).join(''));
  const run = spawnSync(path.join(__dirname, 'figures.sh'), { stdio: ['ignore', 'inherit', 'inherit'], cwd: path.join(build, '..') });
  if (run.status) process.exit(1);
}

function main(build, streamFile) {
  const stream = readStream(fs.readFileSync(streamFile, 'utf8'));
  const plain = new Plain(build);
  const tex = plain.make(stream.tex);
  figures(build, plain.drawings);
  const book = new Book(build, stream, plain, pandoc(tex));
  const site = new Site(book, `${build}/html.new`, pandoc);
  site.write();
  fs.rmSync(`${build}/html`, { recursive: true, force: true });
  fs.renameSync(`${build}/html.new`, `${build}/html`);
  console.log(`weave-html: build/html, ${site.pages} pages, ${(site.bytes / 1e6).toFixed(1)} MB`);
}

try {
  main(path.resolve(process.argv[2]), process.argv[3]);
} catch (error) {
  console.error(`weave-html: ${process.env.DEBUG ? error.stack : error.message}`);
  process.exit(1);
}
