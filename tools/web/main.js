// The web edition: build/html from what tools/weave and the runs left in build.
//
// usage: node tools/web/main.js BUILD STREAM   (from tools/weave-html)
'use strict';
const fs = require('fs');
const path = require('path');
const { spawn, spawnSync } = require('child_process');
const { readStream } = require('./lib/stream');
const { Plain } = require('./lib/latex');
const { Book } = require('./lib/book');
const { Site } = require('./lib/site');

// Small texts at once; the whole book by a process beside what else is to do, since it takes seconds.
function pandoc(tex) {
  const run = spawnSync('pandoc', ['-f', 'latex-smart', '-t', 'json'], { input: tex, maxBuffer: 1 << 28 });
  if (run.error || run.status) throw new Error(`pandoc: ${run.error || run.stderr}`);
  return JSON.parse(run.stdout).blocks;
}

function pandocBeside(build, tex) {
  fs.writeFileSync(`${build}/web/plain.tex`, tex);
  const run = spawn('pandoc', ['-f', 'latex-smart', '-t', 'json', '-o', `${build}/web/plain.json`, `${build}/web/plain.tex`]);
  let said = '';
  run.stderr.on('data', text => { said += text; });
  return new Promise((then, not) => {
    run.on('error', not);
    run.on('close', status => (status || said.trim() ? not(new Error(`pandoc: ${said.trim()}`)) : then(JSON.parse(fs.readFileSync(`${build}/web/plain.json`)).blocks)));
  });
}

// The live figures' C, compiled meanwhile.
function wasmBeside(build) {
  const run = spawn(path.join(__dirname, 'wasm.sh'), { stdio: ['ignore', 'inherit', 'inherit'], cwd: path.join(build, '..') });
  return new Promise((then, not) => run.on('close', status => (status ? not(new Error('the live figures cannot be compiled')) : then())));
}

function figures(build, drawings) {
  fs.writeFileSync(`${build}/web/drawings.tex`, drawings.map(d => `\\onepage{${d}}\n`).join(''));
  const run = spawnSync(path.join(__dirname, 'figures.sh'), { stdio: ['ignore', 'inherit', 'inherit'], cwd: path.join(build, '..') });
  if (run.status) process.exit(1);
}

async function main(build, streamFile) {
  const stream = readStream(fs.readFileSync(streamFile, 'utf8'));
  const plain = new Plain(build), tex = plain.make(stream.tex), blocks = pandocBeside(build, tex), wasm = wasmBeside(build);
  figures(build, plain.drawings);
  const book = new Book(build, stream, plain, await blocks);
  await wasm;
  const site = new Site(book, `${build}/html.new`, pandoc);
  site.write();
  fs.rmSync(`${build}/html`, { recursive: true, force: true });
  fs.renameSync(`${build}/html.new`, `${build}/html`);
  console.log(`weave-html: build/html, ${site.pages} pages, ${(site.bytes / 1e6).toFixed(1)} MB`);
}

main(path.resolve(process.argv[2]), process.argv[3]).catch(error => {
  console.error(`weave-html: ${process.env.DEBUG ? error.stack : error.message}`);
  process.exit(1);
});
