// Holds build/html to what the web edition promises; prints one line for each promise.
//
// usage: node tools/web/check.js   (from tools/check-html, after tools/weave-html; needs Debian's chromium)
'use strict';
const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');
const { chromium } = require('playwright-core');
const { HtmlValidate } = require('html-validate');
const { halfOf, numberOf, readModel } = require('./lib/models');

const root = path.join(__dirname, '../..'), html = path.join(root, 'build/html'), shots = path.join(root, 'build/web/shots');
const url = file => `file://${html}/${file}`;
let passed = 0, failed = 0;

function promise(what, faults, found = '') {
  const list = [].concat(faults).filter(Boolean);
  if (list.length) failed++;
  else passed++;
  console.log(`${list.length ? 'NOT OK' : 'ok'}: ${what}${found ? ` (${found})` : ''}`);
  list.slice(0, 10).forEach(f => console.log(`    ${f}`));
  if (list.length > 10) console.log(`    and ${list.length - 10} more`);
}

const pages = fs.readdirSync(html).filter(f => f.endsWith('.html')), sources = new Map(pages.map(f => [f, fs.readFileSync(path.join(html, f), 'utf8')]));

// ---- What can be seen without a browser
function sizes() {
  let bytes = 0;
  const add = folder => fs.readdirSync(folder, { withFileTypes: true }).forEach(e =>
    e.isDirectory() ? add(path.join(folder, e.name)) : (bytes += fs.statSync(path.join(folder, e.name)).size));
  add(html);
  promise('15 MB in all', bytes > 15e6 && `${bytes} bytes`, `${(bytes / 1e6).toFixed(2)} MB, ${pages.length} pages`);
  promise('no page over 700 kB', pages.filter(p => sources.get(p).length > 7e5));
}

function links() {
  const ids = new Map(pages.map(p => [p, new Set([...sources.get(p).matchAll(/\sid="([^"]*)"/g)].map(m => m[1]))]));
  const bad = [];
  let count = 0;
  for (const [page, text] of sources) {
    if (ids.get(page).size !== [...text.matchAll(/\sid="/g)].length) bad.push(`${page}: an id twice`);
    for (const m of text.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
      if (/^(https?:|data:)/.test(m[1])) continue;
      count++;
      const [file, hash] = m[1].split('#'), target = file || page;
      if (!fs.existsSync(path.join(html, target))) bad.push(`${page}: ${m[1]}: no such file`);
      else if (hash && target.endsWith('.html') && target !== 'file.html' && !ids.get(target).has(hash)) bad.push(`${page}: ${m[1]}: no such place`);
    }
  }
  promise('every internal link and fragment leads somewhere', bad, `${count} links`);
}

function heads() {
  for (const [what, pattern] of [['titles', /<title>([^<]*)</], ['descriptions', /name="description" content="([^"]*)"/]]) {
    const seen = new Map(), twice = [];
    for (const [page, text] of sources) {
      const found = pattern.exec(text)[1];
      if (seen.has(found)) twice.push(`${page} and ${seen.get(found)}: ${found}`);
      seen.set(found, page);
    }
    promise(`${what} are unique`, twice);
  }
  const tex = fs.readFileSync(path.join(root, 'build/web/whole'), 'utf8'), terms = [...tex.matchAll(/^\\item\[/gm)].length;
  const here = [...sources.values()].reduce((n, text) => n + [...text.matchAll(/<dt>/g)].length, 0);
  promise('every term of a list of terms is there', here < terms && `${terms} in the chapters, ${here} here`, `${here} terms`);
  promise('no raw LaTeX and no missing number is left', pages.filter(p => /``|\?\?/.test(sources.get(p).replace(/<pre[^]*?<\/pre>/g, '').replace(/<code>[^]*?<\/code>/g, '').replace(/<[^>]*>/g, ''))));
  promise('pictures have alternative texts', pages.filter(p => /<img(?![^>]*alt="[^"]+")/.test(sources.get(p))));
}

async function valid() {
  const validator = new HtmlValidate({ extends: ['html-validate:recommended'], rules: {
    'no-inline-style': 'off', 'doctype-style': 'off', 'no-trailing-whitespace': 'off', 'void-style': 'off', 'long-title': 'off', 'no-raw-characters': 'off',
    'element-permitted-content': 'error', 'prefer-native-element': 'off', 'no-implicit-button-type': 'off', 'tel-non-breaking': 'off', 'valid-id': 'off', 'attr-quotes': 'off',
  } });
  const bad = [];
  for (const [page, text] of sources) {
    const report = await validator.validateString(text, page);
    for (const result of report.results) for (const m of result.messages) if (m.severity === 2) bad.push(`${page}:${m.line}: ${m.ruleId}: ${m.message}`);
  }
  promise('HTML is valid', bad);
}

// The PDF and these pages are one book.
function drift() {
  const aux = fs.readFileSync(path.join(root, 'build/book.aux'), 'latin1');
  const count = pattern => new Set([...aux.matchAll(pattern)].map(m => m[1])).size;
  const all = [...sources.values()].join('\n'), here = pattern => [...all.matchAll(pattern)].length;
  const pairs = [['figures', count(/\\newlabel\{fig:[^}]*\}.*?\{figure\.([^}]*)\}/g), here(/<figure[^>]* class="figure"/g)],
    ['tables', count(/\\newlabel\{tab:[^}]*\}.*?\{table\.([^}]*)\}/g), here(/<figure[^>]* class="table"/g)],
    ['exercises', count(/\\newlabel\{ex:[^}]*\}.*?\{exercise\.([^}]*)\}/g), here(/<section class="exercise"/g)],
    ['sections', [...fs.readFileSync(path.join(root, 'build/book.toc'), 'utf8').matchAll(/\\contentsline \{section\}/g)].length,
     here(/<h1><span class="number">[^<]*\.[^<]*<\/span>/g)]];
  promise('as many figures, tables, exercises and sections as in the PDF', pairs.filter(p => p[1] !== p[2]).map(p => `${p[0]}: ${p[1]} in the PDF, ${p[2]} here`),
          pairs.map(p => `${p[2]} ${p[0]}`).join(', '));
  const plain = text => text.replace(/-\s*\n\s*/g, '').replace(/[^A-Za-z]+/g, '').toLowerCase();
  const pdf = plain(spawnSync('pdftotext', ['-q', path.join(root, 'build/book.pdf'), '-'], { maxBuffer: 1 << 28 }).stdout.toString());
  const chosen = pages.filter(p => /data-zone="path"/.test(sources.get(p)) && /<main[^]*?<p>[A-Z][^<]{120,}/.test(sources.get(p))).filter((p, i, l) => i % Math.ceil(l.length / 10) === 0);
  promise('the text of ten sections is the PDF\'s', [chosen.length < 8 && 'too few sections to compare', ...chosen.filter(p => {
    const words = plain(/<main[^]*?<p>([A-Z][^<]{120,})/.exec(sources.get(p))[1].replace(/&[a-z]+;/g, ' ').replace(/\n/g, ' '));
    return !pdf.includes(words.slice(0, 60));
  })], `${chosen.length} sections`);
}

// ---- In the browser
async function everyPage(context, chosen) {
  const bad = [], requests = new Set(), work = chosen.slice();
  const tab = async () => {
    const page = await context.newPage();
    page.on('console', m => bad.push(`${page.url().split('/').pop()}: console: ${m.text()}`));
    page.on('pageerror', e => bad.push(`${page.url().split('/').pop()}: ${e.message}`));
    page.on('request', r => { if (!/^(file|data|blob):/.test(r.url())) requests.add(r.url()); });
    page.on('requestfailed', r => r.failure().errorText === 'net::ERR_ABORTED' || bad.push(`${page.url().split('/').pop()}: ${r.url()} cannot be loaded`));
    for (let name; (name = work.pop());) {
      await page.goto(url(name));
      await page.waitForSelector('#contents .chapter', { state: 'attached' });
      if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth + 1)) bad.push(`${name}: wider than the window of ${page.viewportSize().width}`);
    }
    await page.close();
  };
  await Promise.all([tab(), tab()]);
  promise(`pages open without a message, and fit a window of ${context.width}`, bad, `${chosen.length} pages`);
  promise('nothing is asked of the network', [...requests]);
}

const searches = [['patchify', /patchify/i], ['info nce', /loss/i], ['tape_backward', /tape|backward/i], ['layer norm', /layer/i], ['attention kernel', /attention|kernel/i], ['warm-up', /schedule|warm/i],
  ['mask ratio', /mask|ratio/i], ['retrieval', /retriev|recall/i], ['byte-pair', /byte|text|token/i], ['rotary', /rotary|EVA-02/i], ['figure 4.1', /^Figure 4\.1/], ['4.3', /^4\.3 /], ['head_forward', /head_forward/]];
async function search(context) {
  const page = await context.newPage(), bad = [];
  await page.goto(url('index.html'));
  let slowest = 0;
  for (const [words, expected] of searches) {
    await page.evaluate(w => SR.search(w), words);
    const found = await page.$$eval('#hits a', list => list.slice(0, 4).map(a => a.innerText));
    if (!found.some(f => expected.test(f))) bad.push(`${words}: found ${JSON.stringify(found.map(f => f.slice(0, 40)))}`);
    if (!(await page.$('#hits mark'))) bad.push(`${words}: no snippet shows it`);
    const ms = await page.evaluate(w => { const t = performance.now(); return SR.search(w).then(() => performance.now() - t); }, words);
    slowest = Math.max(slowest, ms);
  }
  promise('the search finds what is asked for', bad);
  promise('a key of the search takes less than 50 ms', slowest > 50 && `${slowest.toFixed(1)} ms`, `at most ${slowest.toFixed(1)} ms`);
  await page.close();
}

async function code(context) {
  const page = await context.newPage(), bad = [];
  const home = pages.find(p => /<a class="use"/.test(sources.get(p)) && /data-zone="path"/.test(sources.get(p)));
  await page.goto(url(home));
  await page.click('.chunk button.unfold');
  await page.waitForSelector('.unfolded');
  if ((await page.textContent('.unfolded')).length < 10) bad.push('an unfolded piece is empty');
  const named = pages.find(p => p.startsWith('attention-') && /\n<div class="chunk"[^]*?<code>[^]*?<a href="[^"]*">[a-z_]+<\/a>\(/.test(sources.get(p)));
  await page.goto(url(named));
  await page.hover('main > .chunk code a:not(.use)');
  await page.waitForSelector('#contract pre');
  const folded = pages.find(p => /<details class="folded">/.test(sources.get(p))), id = /<details class="folded">[^]*?<div class="chunk" id="([^"]*)"/.exec(sources.get(folded))[1];
  await page.goto(`${url(folded)}#${id}`);
  if (!(await page.evaluate(i => document.getElementById(i).closest('details').open, id))) bad.push('a link into a folded piece does not unfold it');
  for (const file of ['src/nn/block.c', 'src/tensor/tape.h', 'tests/test_tape.c']) {
    await page.goto(`${url('file.html')}#${file}`);
    await page.reload();
    await page.waitForSelector('pre.file');
    const squeeze = t => t.replace(/\s+/g, '');
    const shown = await page.evaluate(() => { document.querySelectorAll('pre.file a.origin').forEach(a => a.remove()); return document.querySelector('pre.file').textContent; });
    const real = fs.readFileSync(path.join(root, file), 'utf8').replace(/^\/\* Tangled.*\n/, '').replace(/^ *\/\/ [A-Z].*\n/gm, '');
    if (squeeze(shown.replace(/^ *\/\/ [A-Z].*\n/gm, '')) !== squeeze(real)) bad.push(`${file}: the whole file here is not the one that is tangled`);
  }
  promise('pieces unfold, names show their contracts, whole files are those that are tangled', bad);
  await page.close();
}

async function live(context) {
  const page = await context.newPage(), bad = [], spent = [];
  page.on('pageerror', e => bad.push(e.message));
  const run = path.join(root, 'build/runs/vit-mnist/model.safetensors'), native = path.join(root, 'build/web/native');
  const { strings, floats } = readModel(run), text = Buffer.from(strings), gap = Buffer.alloc((4 - text.length % 4) % 4), numbers = Buffer.alloc(4 * floats.length);
  floats.forEach((x, i) => numbers.writeFloatLE(numberOf(halfOf(x)), 4 * i)); // as the page has them
  fs.writeFileSync(`${native}.model`, Buffer.concat([text, gap, numbers]));
  const open = async name => {
    const home = pages.find(p => sources.get(p).includes(`data-live="${name}"`));
    await page.goto(url(home));
    const box = await page.$(`.live[data-live=${name}]`);
    await box.evaluate(e => new Promise((then, not) => { const wait = () => e.ready ? e.ready.then(then, not) : setTimeout(wait, 20); wait(); }));
    spent.push(`${name} ${await box.getAttribute('data-milliseconds')} ms`);
    return box;
  };
  let box = await open('digit');
  const samples = await page.evaluate(() => SR.raw('digits').then(b => Array.from(b)));
  fs.writeFileSync(`${native}.digits`, Buffer.from(samples));
  const said = spawnSync(native, [`${native}.model`, `${native}.digits`]);
  const lines = said.stdout.toString().trim().split('\n').map(l => l.split('\t').map(Number));
  let worst = 0, right = 0;
  for (let i = 0; i < 10; i++) {
    const p = await box.evaluate((e, pixels) => e.digit(pixels), samples.slice(784 * i, 784 * (i + 1)));
    const best = p.indexOf(Math.max(...p));
    right += best === lines[i][0];
    for (let k = 0; k < 10; k++) worst = Math.max(worst, Math.abs(p[k] - lines[i][1 + k]));
  }
  promise('digits: class and probabilities are the native program\'s to 1e-5', [said.status !== 0 && said.stderr.toString(), right < 10 && `${right} of 10 classes agree`, worst > 1e-5 && `a probability is off by ${worst}`], `off by ${worst.toExponential(1)} at most`);
  box = await open('attention');
  const shuffled = await box.evaluate(e => [e.shuffled(0), e.shuffled(0), e.shuffled(1), e.shuffled(1)]);
  const apart = (a, b) => Math.max(...a.map((x, i) => Math.abs(x - b[i])));
  promise('attention: without positions the order of patches changes nothing, with them it does',
          [apart(shuffled[0], shuffled[1]) > 3e-6 && 'without', apart(shuffled[2], shuffled[3]) < 3e-6 && 'with']);
  box = await open('captions');
  const before = await box.evaluate(e => e.say(3, 'a green square')), after = await box.evaluate(e => e.say(3, 'a red circle and a blue star'));
  const input = await page.$('.live[data-live=captions] td input');
  await input.fill('');
  await input.type('a white star');
  promise('captions: scores and tokens follow the text, and one can type on', [before === after && 'nothing changed', (await input.inputValue()) !== 'a white star' && `typed "a white star", got "${await input.inputValue()}"`]);
  box = await open('fill');
  const one = await box.evaluate(e => e.filled());
  await page.click('.live[data-live=fill] button:has-text("other patches")');
  promise('fill: other patches, another picture', apart(one, await box.evaluate(e => e.filled())) === 0 && 'nothing changed');
  box = await open('losses');
  const numbers5 = await box.evaluate(e => { e.set([10, -10]); const a = e.numbers; e.set([1, 0]); return [a, e.numbers]; });
  promise('losses: both follow temperature and bias', [0, 1].filter(k => Math.abs(numbers5[0][k] - numbers5[1][k]) < 1e-6));
  box = await open('train');
  const curve = await box.evaluate(e => e.run(20, 1)), off = apart(curve, lines[10]);
  promise('training: the first 20 losses are the native program\'s to 1e-4', off > 1e-4 && `off by ${off}`, `off by ${off.toExponential(1)} at most`);
  promise('every live figure answers', bad, spent.join(', '));
  await page.close();
}

async function reach(browser) {
  const axe = fs.readFileSync(require.resolve('axe-core'), 'utf8'), bad = [];
  const chosen = ['index.html', 'contents.html', pages.find(p => p.startsWith('attention-')), pages.find(p => sources.get(p).includes('data-live="digit"')),
    pages.find(p => sources.get(p).includes('class="exercise"')), pages.find(p => sources.get(p).includes('<table')), 'index-of-names.html', 'bibliography.html'];
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({ colorScheme }), page = await context.newPage();
    for (const name of chosen) {
      await page.goto(url(name));
      await page.waitForSelector('#contents .chapter', { state: 'attached' });
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
      for (const v of violations) if (/serious|critical/.test(v.impact)) bad.push(`${name}, ${colorScheme}: ${v.id}: ${v.nodes.length} times, ${v.nodes[0].target.join(' ')}`);
    }
    await context.close();
  }
  promise('the accessibility checker finds nothing serious, in light and in dark', bad, `${chosen.length} pages`);
}

async function pictures(browser) {
  fs.mkdirSync(shots, { recursive: true });
  const chosen = ['index.html', pages.find(p => p.startsWith('attention-')), pages.find(p => sources.get(p).includes('data-live="digit"')), pages.find(p => sources.get(p).includes('class="exercise"'))];
  for (const colorScheme of ['light', 'dark']) for (const width of [390, 1280]) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } }), page = await context.newPage();
    for (const name of chosen) {
      await page.goto(url(name));
      await page.waitForTimeout(500);
      await page.screenshot({ path: path.join(shots, `${name.replace('.html', '')}-${colorScheme}-${width}.png`) });
    }
    if (width === 1280 && colorScheme === 'light') {
      await page.emulateMedia({ media: 'print' });
      await page.screenshot({ path: path.join(shots, 'print.png') });
    }
    await context.close();
  }
}

async function withoutScripts(browser) {
  const context = await browser.newContext({ javaScriptEnabled: false }), page = await context.newPage(), bad = [];
  for (const name of ['index.html', pages.find(p => p.startsWith('attention-')), 'contents.html']) {
    await page.goto(url(name));
    if ((await page.textContent('main')).length < 200) bad.push(`${name}: hardly any text`);
    if (!(await page.$('a[href="contents.html"]'))) bad.push(`${name}: no way to the contents`);
  }
  promise('pages can be read without scripts', bad);
  await context.close();
}

(async () => {
  sizes(); links(); heads(); drift();
  await valid();
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox'] });
  for (const width of [390, 1280]) {
    const context = await browser.newContext({ viewport: { width, height: 900 } });
    context.width = width;
    await everyPage(context, width === 390 ? pages.filter(p => /data-zone="(path|front|back)"/.test(sources.get(p))) : pages);
    if (width === 1280) { await search(context); await code(context); await live(context); }
    await context.close();
  }
  await withoutScripts(browser);
  await reach(browser);
  await pictures(browser);
  await browser.close();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
})().catch(error => { console.error(`check-html: ${error.message}`); process.exit(1); });
