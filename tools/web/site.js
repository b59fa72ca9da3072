// What a page of the web edition can do besides being read. Everything else works without it; data come as
// scripts, since pages opened from a folder may not fetch.
(function () {
  'use strict';
  var $ = function (selector, root) { return (root || document).querySelector(selector); };
  var all = function (selector, root) { return Array.prototype.slice.call((root || document).querySelectorAll(selector)); };
  var here = location.pathname.split('/').pop() || 'index.html';
  var loading = {};

  function make(tag, attributes, children) {
    var element = document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (key) {
      if (key === 'text') element.textContent = attributes[key];
      else if (key === 'html') element.innerHTML = attributes[key];
      else element.setAttribute(key, attributes[key]);
    });
    (children || []).forEach(function (child) { element.appendChild(child); });
    return element;
  }

  // Load a script once; a promise.
  function load(name) {
    loading[name] = loading[name] || new Promise(function (then, not) {
      var script = make('script', { src: name });
      script.onload = then;
      script.onerror = function () { not(new Error(name + ' is not there')); };
      document.head.appendChild(script);
    });
    return loading[name];
  }

  // ---- What data scripts call
  var SR = window.SR = { load: load, make: make, here: here };
  SR.contents = function (data) { SR.tree = data; };
  // Packed data, data/NAME.js: gzipped JSON in base91 (lib/base91.js). `need` unpacks each once.
  var packs = {}, texts = {};
  SR.packed = function (name, text) { texts[name] = text; };
  function unpack(text) {
    var value = new Int16Array(128).fill(-1), bytes = new Uint8Array(Math.ceil(text.length * .875)), n = 0, queue = 0, bits = 0;
    for (var c = 33, k = 0; c < 127; c++) if (c !== 39 && c !== 92 && c !== 60) value[c] = k++;
    for (var i = 0; i < text.length; i += 2) {
      var one = value[text.charCodeAt(i)], more = i + 1 < text.length;
      var pair = more ? one + 91 * value[text.charCodeAt(i + 1)] : one;
      queue |= pair << bits;
      bits += !more ? 7 : (pair & 8191) > 88 ? 13 : 14;
      for (; bits > 7; bits -= 8, queue >>= 8) bytes[n++] = queue & 255;
    }
    bytes = bytes.subarray(0, n);
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')));
  }
  SR.unpack = unpack;
  function need(name) {
    packs[name] = packs[name] || load('data/' + name + '.js')
      .then(function () { var text = texts[name]; delete texts[name]; return unpack(text).json(); });
    return packs[name];
  }
  SR.need = need;
  // The same for bytes, data/NAME.js.
  SR.raw = function (name) {
    packs[name] = packs[name] || load('data/' + name + '.js')
      .then(function () { var text = texts[name]; delete texts[name]; return unpack(text).arrayBuffer(); })
      .then(function (buffer) { return new Uint8Array(buffer); });
    return packs[name];
  };
  SR.script = load;
  // The pieces that begin with this label, in order.
  function piecesOf(label) {
    return need('pieces').then(function (p) {
      return Promise.all(p.parts[label].map(function (part) {
        return need('pieces-' + p.where[part]).then(function (table) { return table[part]; });
      }));
    });
  }

  // ---- The bar: what needs a script is made by one
  var bar = $('.bar');
  var burger = make('button', { type: 'button', 'class': 'burger', 'aria-expanded': 'false', 'aria-controls': 'contents', text: 'Contents' });
  var query = make('input', { id: 'query', type: 'search', placeholder: innerWidth < 480 ? 'Search' : 'Search  ( / )', autocomplete: 'off', spellcheck: 'false' });
  var form = make('form', { role: 'search', 'class': 'search' }, [make('label', { 'class': 'hidden', 'for': 'query', text: 'Search the book' }), query]);
  var mode = make('button', { type: 'button', 'class': 'mode', 'aria-label': 'light or dark', text: '◐' });
  var hits = make('div', { id: 'hits', role: 'region', 'aria-label': 'what was found', 'aria-live': 'polite', hidden: '' });
  bar.insertBefore(burger, bar.firstChild);
  bar.appendChild(form); bar.appendChild(mode);
  bar.parentNode.insertBefore(hits, bar.nextSibling);

  // ---- Light and dark
  var root = document.documentElement, saved = null;
  try { saved = localStorage.getItem('mode'); } catch (e) { /* not kept */ }
  if (saved) root.setAttribute('data-mode', saved);
  mode.onclick = function () {
    var dark = root.getAttribute('data-mode') ? root.getAttribute('data-mode') === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.setAttribute('data-mode', dark ? 'light' : 'dark');
    try { localStorage.setItem('mode', dark ? 'light' : 'dark'); } catch (e) { /* not kept */ }
  };

  // ---- Contents at the side
  var side = $('#contents');
  load('data/contents.js').then(function () {
    var link = function (file, number, title) {
      var a = make('a', { href: file, text: (number ? number + ' ' : '') + title });
      if (file === here) { a.className = 'here'; a.setAttribute('aria-current', 'page'); }
      return a;
    };
    var box = make('div');
    SR.tree.tree.forEach(function (part) {
      var group = make('div', { 'data-zone': part.zone });
      if (part.chapters.length !== 1 || part.chapters[0][2] !== part.title) group.appendChild(make('h2', { text: part.title }));
      else group.appendChild(make('h2', { text: 'Tour' }));
      part.chapters.forEach(function (c) {
        var inside = c[0] === here || c[3].some(function (s) { return s[0] === here; });
        var list = make('ul', inside ? {} : { hidden: '' }, c[3].map(function (s) { return make('li', {}, [link(s[0], s[1], s[2])]); }));
        var fold = make('button', { type: 'button', 'class': 'fold', 'aria-expanded': String(inside), 'aria-label': 'sections of ' + c[2], text: inside ? '▾' : '▸' });
        fold.onclick = function () {
          list.hidden = !list.hidden;
          fold.textContent = list.hidden ? '▸' : '▾';
          fold.setAttribute('aria-expanded', String(!list.hidden));
        };
        if (!c[3].length) fold.style.visibility = 'hidden';
        group.appendChild(make('div', { 'class': 'chapter' }, [fold, link(c[0], c[1], c[2])]));
        group.appendChild(list);
      });
      box.appendChild(group);
    });
    box.appendChild(make('h2', { text: 'Lists' }));
    box.appendChild(make('ul', {}, SR.tree.lists.map(function (l) { return make('li', {}, [link(l[0], '', l[1])]); })));
    side.appendChild(box);
    toHere();
  });
  burger.onclick = function () {
    var open = side.classList.toggle('open');
    burger.setAttribute('aria-expanded', open ? 'true' : 'false');
    if (open) toHere().focus();
  };
  // Scroll the contents to where one is.
  function toHere() {
    var at = $('a.here', side);
    if (at) side.scrollTop += at.getBoundingClientRect().top - side.getBoundingClientRect().top - 120;
    return at || $('a', side);
  }
  document.addEventListener('click', function (event) {
    if (event.target.closest('#contents, .burger')) return;
    side.classList.remove('open');
    burger.setAttribute('aria-expanded', 'false');
  });

  // ---- Keys
  document.addEventListener('keydown', function (event) {
    var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
    if (event.key === 'Escape') { hide(); hits.hidden = true; side.classList.remove('open'); burger.setAttribute('aria-expanded', 'false'); }
    if (typing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === '/') { event.preventDefault(); query.focus(); }
    if (event.target.closest && event.target.closest('pre, .live, .equation, .wide')) return; // arrows move there
    var go = event.key === 'ArrowLeft' ? $('.turn a[rel=prev]') : event.key === 'ArrowRight' ? $('.turn a[rel=next]') : null;
    if (go) location.href = go.href;
  });

  // ---- What a link leads to is unfolded
  function reveal() {
    var target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var d = target && target.closest('details'); d; d = d.parentElement.closest('details')) d.open = true;
    if (target) target.scrollIntoView();
  }
  window.addEventListener('hashchange', reveal);
  window.addEventListener('beforeprint', function () { all('details').forEach(function (d) { d.open = true; }); });

  // ---- Code: copy, unfold in place, contracts
  all('.chunk .head').forEach(function (head) {
    var button = make('button', { type: 'button', 'class': 'copy', text: 'copy' });
    button.onclick = function () {
      var code = $('pre', head.parentElement).cloneNode(true);
      all('.unfold, .unfolded', code).forEach(function (e) { e.remove(); });
      var text = code.textContent;
      if (navigator.clipboard) navigator.clipboard.writeText(text).then(function () { button.textContent = 'copied'; });
      else {
        var area = make('textarea', {}); area.value = text; document.body.appendChild(area); area.select();
        document.execCommand('copy'); area.remove(); button.textContent = 'copied';
      }
      setTimeout(function () { button.textContent = 'copy'; }, 1500);
    };
    head.appendChild(button);
  });
  function unfoldable(box) {
    all('a.use', box).forEach(function (use) {
      var button = make('button', { type: 'button', 'class': 'unfold', 'aria-expanded': 'false', 'aria-label': 'unfold ' + use.textContent, text: '▸' });
      button.onclick = function () {
        if (button.piece) { button.piece.remove(); button.piece = null; button.textContent = '▸'; button.setAttribute('aria-expanded', 'false'); return; }
        var label = use.hash.slice(1);
        piecesOf(label).then(function (pieces) {
          button.piece = make('span', { 'class': 'unfolded', html: pieces.map(function (p) { return p[3]; }).join('\n\n') });
          use.parentNode.insertBefore(button.piece, use.nextSibling);
          button.textContent = '▾'; button.setAttribute('aria-expanded', 'true');
          unfoldable(button.piece);
          linkNames(button.piece);
        });
      };
      use.parentNode.insertBefore(button, use);
    });
  }
  // The file that the chunk around an element ends up in.
  function fileOf(element) {
    if (element.closest('pre.file')) return decodeURIComponent(location.hash.slice(1));
    var chunk = element.closest('.chunk'), link = chunk && $('.foot a[href^="file.html#"]', chunk);
    return link ? link.textContent : '';
  }
  // Words of code that have no link yet are looked up: in a piece that came by script, or that is pointed at.
  function linkNames(box) {
    return need('names').then(function (names) {
      var file = fileOf(box);
      var walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT), nodes = [], node;
      while ((node = walker.nextNode())) if (!node.parentNode.closest('a, button, u, i')) nodes.push(node);
      nodes.forEach(function (text) {
        var parts = text.data.split(/([A-Za-z_]\w*)/), found = false, list = document.createDocumentFragment();
        parts.forEach(function (part, i) {
          var entry = i % 2 && (names[file + ':' + part] || Object.prototype.hasOwnProperty.call(names, part) && names[part]);
          var member = /(?:->|\.)$/.test(parts[i - 1] || '') && !/\.\.\.$/.test(parts[i - 1]);
          if (entry && !member && (entry[0] !== 'function' || /^\(/.test(parts[i + 1] || '') || part.indexOf('_') >= 0)) {
            found = true;
            list.appendChild(make('a', { href: entry[3], text: part }));
          } else list.appendChild(document.createTextNode(part));
        });
        if (found) text.parentNode.replaceChild(list, text);
      });
    });
  }
  unfoldable(document);
  document.addEventListener('mouseover', function (event) {
    var code = event.target.closest && event.target.closest('.chunk code, pre.file code');
    if (code && !code.linked) { code.linked = true; linkNames(code); }
  });

  var contract = null, named = 'a.id, .chunk code a:not(.use), pre.file code a:not(.origin)';
  function hide() { if (contract) contract.remove(); contract = null; }
  function show(link, anyway) {
    need('names').then(function (names) {
      var name = link.textContent, entry = names[fileOf(link) + ':' + name] || names[name];
      if (!entry || (!anyway && !link.matches(':hover') && document.activeElement !== link)) return;
      hide();
      contract = make('div', { id: 'contract', role: 'tooltip' }, [make('pre', { text: entry[1] }), make('p', { text: entry[2] })]);
      var box = link.getBoundingClientRect();
      contract.style.top = box.bottom + scrollY + 6 + 'px';
      document.body.appendChild(contract);
      contract.style.left = Math.max(8, Math.min(box.left, innerWidth - contract.offsetWidth - 16)) + scrollX + 'px';
    });
  }
  document.addEventListener('mouseover', function (event) {
    var link = event.target.closest && event.target.closest(named);
    if (link) show(link); else if (!(event.target.closest && event.target.closest('#contract'))) hide();
  });
  // On a touch the first tap shows, the second follows.
  var touched = null;
  document.addEventListener('pointerdown', function (event) { touched = event.pointerType === 'touch' ? touched : false; if (event.pointerType === 'touch' && touched === false) touched = null; });
  document.addEventListener('click', function (event) {
    var link = event.target.closest && event.target.closest(named);
    if (link && event.pointerType === 'touch' && touched !== link) { event.preventDefault(); touched = link; show(link, true); }
  }, true);
  document.addEventListener('focusin', function (event) { if (event.target.matches(named)) show(event.target); else hide(); });

  // ---- Search
  var index = null, chosen = -1;
  var tokenize = function (text) { // as when the index was made
    var words = [];
    (text.match(/[A-Za-z_]\w*|\d+(?:\.\d+)*/g) || []).forEach(function (w) { words = words.concat(/\w_\w/.test(w) ? [w].concat(w.split('_')) : [w]); });
    return words;
  };
  var processTerm = function (term) { return term.length < 2 || /^\d{1,2}$/.test(term) || /^0\./.test(term) ? null : term.toLowerCase(); };
  var options = { tokenize: tokenize, processTerm: processTerm, fields: ['title', 'words'], storeFields: ['title', 'href', 'kind', 'text'] };
  function snippet(text, terms) {
    var low = text.toLowerCase(), at = -1;
    terms.slice().sort(function (a, b) { return b.length - a.length; }).some(function (t) { at = low.indexOf(t); return at >= 0; }); // the longest that is there
    var from = Math.max(0, at - 50), part = text.slice(from, from + 160), box = make('small', {});
    var pattern = new RegExp('(' + terms.map(function (t) { return t.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'); }).join('|') + ')', 'ig');
    part.split(pattern).forEach(function (piece, i) { box.appendChild(i % 2 ? make('mark', { text: piece }) : document.createTextNode(piece)); });
    return box;
  }
  function search() {
    var words = query.value.trim();
    chosen = -1;
    if (!words) { hits.hidden = true; return; }
    var found = index.search(words, { prefix: true, fuzzy: words.length > 5 ? 0.15 : false, combineWith: 'AND', boost: { title: 5 },
      boostDocument: function (id, term, fields) { return fields.kind === 'name' ? 2 : fields.kind === 'code' ? 1 : 1.3; } }).slice(0, 14);
    hits.textContent = '';
    found.forEach(function (f) {
      hits.appendChild(make('a', { href: f.href }, [make('b', { text: f.title }), snippet(f.text, f.terms)]));
    });
    if (!found.length) hits.appendChild(make('p', { text: 'Nothing found.' }));
    hits.hidden = false;
  }
  function ready() {
    return Promise.all([SR.script('data/minisearch.js'), need('search')]).then(function (got) {
      index = index || MiniSearch.loadJS(got[1], options);
    });
  }
  SR.search = function (words) { return ready().then(function () { query.value = words; search(); }); };
  query.oninput = function () { ready().then(search); };
  query.onfocus = ready;
  query.onkeydown = function (event) {
    var links = all('a', hits);
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      chosen = (chosen + (event.key === 'ArrowDown' ? 1 : -1) + links.length) % links.length;
      links.forEach(function (l, i) { l.className = i === chosen ? 'chosen' : ''; if (i === chosen) l.scrollIntoView({ block: 'nearest' }); });
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      ready().then(function () {
        if (hits.hidden) search();
        var link = all('a', hits)[Math.max(0, chosen)];
        if (link) location.href = link.href;
      });
    }
  };
  form.onsubmit = function () { return false; };
  document.addEventListener('click', function (event) { if (!event.target.closest('#hits, .search')) hits.hidden = true; });

  // ---- A whole file, on file.html
  var whole = $('#whole');
  function wholeFile() {
    var name = decodeURIComponent(location.hash.slice(1));
    need('pieces').then(function (p) {
      if (!p.files[name]) return null;
      var build = function (label, indent) {
        return piecesOf(label).then(function (pieces) {
          return Promise.all(pieces.map(function (piece) {
            var uses = [], html = piece[3].replace(/^([ ]*)<a class="use" href="[^"]*#([^"]*)">[^<]*<\/a>/gm, function (m, space, used) {
              uses.push(build(used, indent + space));
              return '\u0000' + (uses.length - 1) + '\u0000';
            });
            return Promise.all(uses).then(function (inner) {
              var lines = html.split('\n').map(function (line, i) {
                return (i || line[0] === '\u0000' ? '' : '<a class="origin" href="' + piece[2] + '">' + piece[1] + '</a>') + (line && line[0] !== '\u0000' ? indent : '') + line;
              }).join('\n');
              return lines.replace(/\u0000(\d+)\u0000/g, function (m, i) { return inner[i]; });
            });
          }));
        }).then(function (parts) { return parts.join('\n\n'); });
      };
      return build(p.files[name], '');
    }).then(function (html) {
      $('h1').textContent = name || 'A whole file';
      document.title = name + ' · Sight Reading';
      whole.textContent = html ? 'The numbers in the margin lead to the pieces, and to what is said of them.' : 'There is no file of this name in the book.';
      all('pre.file').forEach(function (e) { e.remove(); });
      if (html) whole.parentNode.insertBefore(make('pre', { 'class': 'file', tabindex: '0', html: '<code>' + html + '</code>' }), whole.nextSibling);
    });
  }
  if (whole) { wholeFile(); window.addEventListener('hashchange', wholeFile); }

  // ---- Live figures
  if ($('.live')) SR.script('live.js').then(function () { all('.live').forEach(function (box) { SR.live(box); }); });
  reveal();
}());
