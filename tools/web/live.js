// The live figures: the book's own C, as WebAssembly, and the weights of its runs.
(function () {
  'use strict';
  var SR = window.SR, make = SR.make;

  // ---- The module and its files
  var core = null;
  function binary(name) {
    return SR.raw(name);
  }
  // A WASI of which little is asked: a clock, and messages of failed assertions.
  function imports(memory) {
    var view = function () { return new DataView(memory().buffer); };
    return { wasi_snapshot_preview1: {
      environ_get: function () { return 0; }, environ_sizes_get: function (a, b) { view().setInt32(a, 0, true); view().setInt32(b, 0, true); return 0; },
      clock_time_get: function (id, precision, at) { view().setBigUint64(at, BigInt(Math.round(performance.now() * 1e6)), true); return 0; },
      fd_close: function () { return 0; }, fd_seek: function () { return 70; },
      fd_write: function (fd, list, count, at) {
        var text = '', n = 0;
        for (var i = 0; i < count; i++) {
          var from = view().getInt32(list + 8 * i, true), size = view().getInt32(list + 8 * i + 4, true);
          text += new TextDecoder().decode(new Uint8Array(memory().buffer, from, size)); n += size;
        }
        view().setInt32(at, n, true);
        console.error(text);
        return 0;
      },
      proc_exit: function (status) { throw new Error('the module ended with status ' + status); }
    } };
  }
  function open() {
    core = core || binary('live').then(function (bytes) {
      var instance = null;
      return WebAssembly.instantiate(bytes, imports(function () { return instance.exports.memory; })).then(function (made) {
        instance = made.instance;
        instance.exports._initialize();
        return new Module(instance.exports);
      });
    });
    return core;
  }
  function Module(c) {
    this.c = c;
    this.bytes = function (at, n) { return new Uint8Array(c.memory.buffer, at, n); };
    this.floats = function (at, n) { return new Float32Array(c.memory.buffer, at, n); };
    this.doubles = function (at, n) { return new Float64Array(c.memory.buffer, at, n); };
    this.text = function (text) {
      var bytes = new TextEncoder().encode(text), at = c.live_room(bytes.length + 1);
      this.bytes(at, bytes.length).set(bytes);
      return at;
    };
    this.string = function (at) {
      var all = new Uint8Array(c.memory.buffer, at), end = all.indexOf(0);
      return new TextDecoder().decode(all.slice(0, end));
    };
    this.file = function (path, bytes) {
      var at = c.live_room(bytes.length);
      this.bytes(at, bytes.length).set(bytes);
      c.live_file(this.text(path), at, bytes.length);
    };
    this.need = function (good) { if (!good) throw new Error(this.string(c.live_error())); };
  }
  function floatOfHalf(h) {
    var s = h & 0x8000 ? -1 : 1, e = h >> 10 & 31, f = h & 1023;
    return e ? s * Math.pow(2, e - 15) * (1 + f / 1024) : s * Math.pow(2, -24) * f;
  }
  // A packed model to what memory_files.h says.
  function model(m, run) {
    return binary('model-' + run).then(function (packed) {
      var first = 4 + new DataView(packed.buffer, packed.byteOffset).getInt32(0, true), count = (packed.length - first) / 2;
      var begin = Math.ceil((first - 4) / 4) * 4, file = new Uint8Array(begin + 4 * count), out = new DataView(file.buffer);
      file.set(packed.subarray(4, first));
      for (var i = 0; i < count; i++) out.setFloat32(begin + 4 * i, floatOfHalf(packed[first + i] | packed[first + count + i] << 8), true);
      m.file(run + '/model.safetensors', file);
      return packed.length;
    });
  }

  // ---- Parts of figures
  function canvas(width, height, zoom, label) {
    var c = make('canvas', { width: width, height: height, role: 'img', 'aria-label': label });
    c.style.width = width * zoom + 'px'; c.style.aspectRatio = width + ' / ' + height;
    return c;
  }
  function paint(c, pixels, channels) { // bytes, rows of pixels
    var context = c.getContext('2d'), image = context.createImageData(c.width, c.height);
    for (var i = 0; i < c.width * c.height; i++) {
      for (var k = 0; k < 3; k++) image.data[4 * i + k] = pixels[channels * i + (channels === 3 ? k : 0)];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }
  function bars(names) {
    var box = make('div', { 'class': 'bars' });
    var rows = names.map(function (name) {
      var label = make('span', { text: name }), bar = make('i'), value = make('output');
      [label, make('span', {}, [bar]), value].forEach(function (e) { box.appendChild(e); });
      return { label: label, bar: bar, value: value };
    });
    return { box: box, show: function (values, best) {
      Array.prototype.forEach.call(values, function (v, i) {
        rows[i].bar.style.width = 100 * v + '%'; rows[i].value.textContent = v.toFixed(3);
        rows[i].label.style.fontWeight = i === best ? 700 : 400;
      });
    } };
  }
  function slider(label, min, max, step, value, change) {
    var input = make('input', { type: 'range', min: min, max: max, step: step, value: value }), out = make('output', { text: value });
    input.oninput = function () { out.textContent = input.value; change(+input.value); };
    return make('label', {}, [document.createTextNode(label), input, out]);
  }
  function button(text, click) { var b = make('button', { type: 'button', text: text }); b.onclick = click; return b; }
  function row(children) { return make('div', { 'class': 'row' }, children); }
  function drag(c, move) { // calls move(x, y, event) in pixels of the canvas
    var down = false;
    c.style.touchAction = 'none';
    var at = function (e) { var r = c.getBoundingClientRect(); move((e.clientX - r.left) / r.width * c.width, (e.clientY - r.top) / r.height * c.height, e); };
    c.addEventListener('pointerdown', function (e) { down = true; c.setPointerCapture(e.pointerId); at(e); e.preventDefault(); });
    c.addEventListener('pointermove', function (e) {
      if (down) (e.getCoalescedEvents && e.getCoalescedEvents().length ? e.getCoalescedEvents() : [e]).forEach(at);
    });
    c.addEventListener('pointerup', function () { down = false; });
  }
  var timed = function (f) { var t = performance.now(); f(); return (performance.now() - t).toFixed(1); };

  // ---- 1. Draw a digit
  function digitModel(m) {
    m.digit = m.digit || Promise.all([model(m, 'vit-mnist'), binary('digits')]).then(function (got) {
      m.need(m.c.digit_open());
      return { size: got[0], samples: got[1] };
    });
    return m.digit;
  }
  // Where a token looks, over the 16 patches, as an overlay of a 28 x 28 canvas.
  function maps(m, token, box) {
    var w = m.floats(m.c.digit_weights(), 3 * 4 * 17 * 17);
    box.textContent = '';
    for (var block = 0; block < 3; block++) {
      var line = [make('span', { text: 'block ' + block })];
      for (var head = 0; head < 4; head++) {
        var c = canvas(4, 4, 11, 'block ' + block + ', head ' + head), pixels = new Uint8Array(16), most = 0, from = ((block * 4 + head) * 17 + token) * 17;
        for (var i = 0; i < 16; i++) most = Math.max(most, w[from + 1 + i]);
        for (i = 0; i < 16; i++) pixels[i] = 255 * w[from + 1 + i] / most;
        paint(c, pixels, 1);
        line.push(c);
      }
      box.appendChild(row(line));
    }
  }
  function setDigit(m, pixels) { m.floats(m.c.digit_pixels(), 784).set(Array.prototype.map.call(pixels, function (v) { return v / 255; })); }
  function drawDigit(box, m) {
    return digitModel(m).then(function (d) {
      var page = canvas(28, 28, 8, 'draw a digit here'), pixels = new Uint8Array(784), answer = bars('0123456789'.split('')), looks = make('div'), note = make('p', { 'class': 'said' });
      var see = function () {
        setDigit(m, pixels);
        var best, ms = timed(function () { best = m.c.digit_see(0, 1); });
        paint(page, pixels, 1);
        answer.show(m.floats(m.c.digit_answer(), 10), best);
        maps(m, 0, looks);
        note.textContent = 'Answer: ' + best + ', in ' + ms + ' ms, by the weights of the MNIST run (' + Math.round(d.size / 1000) + ' kB). The maps: where CLS looks.';
      };
      var last = null;
      drag(page, function (x, y, e) { // ink along the way from the last point
        if (e.type === 'pointerdown') last = [x, y];
        var steps = Math.ceil(2 * Math.hypot(x - last[0], y - last[1])) || 1;
        for (var s = 1; s <= steps; s++) {
          var cx = last[0] + (x - last[0]) * s / steps, cy = last[1] + (y - last[1]) * s / steps;
          for (var v = 0; v < 28; v++) for (var u = 0; u < 28; u++) {
            var r = Math.hypot(u + .5 - cx, v + .5 - cy);
            if (r < 2) pixels[28 * v + u] = Math.max(pixels[28 * v + u], Math.min(255, 255 * (2 - r)));
          }
        }
        last = [x, y];
        see();
      });
      var samples = '0123456789'.split('').map(function (name, i) {
        return button(name, function () { pixels.set(d.samples.subarray(784 * i, 784 * (i + 1))); see(); });
      });
      box.appendChild(row([page, answer.box, looks]));
      box.appendChild(row([button('clear', function () { pixels.fill(0); see(); }), make('span', { text: 'or a test digit:' })].concat(samples)));
      box.appendChild(note);
      box.digit = function (bytes) { pixels.set(bytes); see(); return Array.from(m.floats(m.c.digit_answer(), 10)); };
      pixels.set(d.samples.subarray(784 * 3, 784 * 4));
      see();
    });
  }

  // ---- 2. Attention and position
  function attention(box, m) {
    return digitModel(m).then(function (d) {
      var page = canvas(28, 28, 8, 'choose a patch'), pixels = new Uint8Array(784), looks = make('div'), answer = bars('0123456789'.split('')), note = make('p', { 'class': 'said' });
      var order = null, positions = 1, patch = 5, room = m.c.live_room(64);
      var see = function () {
        setDigit(m, pixels);
        if (order) new Int32Array(m.c.memory.buffer, room, 16).set(order);
        var best = m.c.digit_see(order ? room : 0, positions);
        var shown = new Uint8Array(784 * 3);
        for (var i = 0; i < 784; i++) {
          var y = Math.floor(i / 28), x = i % 28, at = Math.floor(y / 7) * 4 + Math.floor(x / 7), from = order ? order[at] : at;
          var v = pixels[(Math.floor(from / 4) * 7 + y % 7) * 28 + from % 4 * 7 + x % 7];
          shown[3 * i] = at === patch ? Math.max(v, 120) : v; shown[3 * i + 1] = v; shown[3 * i + 2] = at === patch ? v : Math.max(v, (y % 7 === 0 || x % 7 === 0) ? 70 : v);
        }
        paint(page, shown, 3);
        answer.show(m.floats(m.c.digit_answer(), 10), best);
        maps(m, 1 + patch, looks);
        note.textContent = 'Answer: ' + best + '. Patch ' + patch + (order ? ' of shuffled patches' : '') + (positions ? ', with positions.' : ', without positions: however the patches are shuffled, the answer is the same.');
      };
      drag(page, function (x, y) { patch = Math.min(3, Math.max(0, Math.floor(y / 7))) * 4 + Math.min(3, Math.max(0, Math.floor(x / 7))); see(); });
      var shuffle = function () { order = []; for (var i = 0; i < 16; i++) { var k = Math.floor(Math.random() * (i + 1)); order[i] = order[k]; order[k] = i; } see(); };
      var check = make('input', { type: 'checkbox', checked: '' });
      check.onchange = function () { positions = check.checked ? 1 : 0; see(); };
      box.appendChild(row([page, looks, answer.box]));
      box.appendChild(row([button('shuffle the patches', shuffle), button('in order', function () { order = null; see(); }), make('label', {}, [check, document.createTextNode('position embedding')])].concat(
        [2, 5, 7].map(function (i) { return button('digit ' + i, function () { pixels.set(d.samples.subarray(784 * i, 784 * (i + 1))); see(); }); }))));
      box.appendChild(note);
      pixels.set(d.samples.subarray(784 * 5, 784 * 6));
      box.shuffled = function (withPositions) { positions = withPositions; shuffle(); return Array.from(m.floats(m.c.digit_answer(), 10)); };
      see();
    });
  }

  // ---- 3. Say what you see
  var kinds = 'circle square triangle diamond cross ring star bar'.split(' '), colours = 'red green blue yellow purple cyan orange white'.split(' ');
  function captions(box, m) {
    var runs = ['clip-shapes', 'siglip-shapes'];
    return Promise.all(runs.map(function (r) {
      return Promise.all([model(m, r), binary('merges-' + r)]).then(function (got) { m.file(r + '/merges.txt', got[1]); return got[0]; });
    })).then(function (sizes) {
      m.need(m.c.pair_open(0)); m.need(m.c.pair_open(1));
      var page = canvas(32, 32, 7, 'the scene'), figures = [{ kind: 0, colour: 0, x: 10, y: 12, r: 6 }, { kind: 6, colour: 2, x: 23, y: 22, r: 6 }], chosen = 0, count = 2;
      var texts = ['a red circle', 'a blue star', 'a red circle and a blue star', 'a green square'].map(function (t) { return make('input', { type: 'text', value: t, 'aria-label': 'caption', maxlength: 80 }); });
      var cells = texts.map(function () { return [make('td'), make('td'), make('td')]; });
      var table = make('table', {}, [make('tr', {}, ['caption', 'CLIP', 'SigLIP', 'tokens'].map(function (h) { return make('th', { scope: 'col', text: h }); }))].concat(
        texts.map(function (t, i) { return make('tr', {}, [make('td', {}, [t]), cells[i][1], cells[i][2], cells[i][0]]); }))), note = make('p', { 'class': 'said' });
      var select = function (names, change) {
        var s = make('select', { 'aria-label': names[0] }, names.map(function (n, i) { return make('option', { value: i, text: n }); }));
        s.onchange = function () { change(+s.value); draw(); };
        return s;
      };
      var score = function () {
        var ms = timed(function () {
          var logits = [0, 1].map(function (w) { return texts.map(function (t) { var l = m.c.pair_logit(w, m.text(t.value)); return [l, m.c.pair_cosine()]; }); });
          var most = Math.max.apply(null, logits[0].map(function (l) { return l[0]; })), sum = 0;
          logits[0].forEach(function (l) { sum += Math.exp(l[0] - most); });
          texts.forEach(function (t, i) {
            cells[i][0].textContent = m.string(m.c.pair_tokens(0, m.text(t.value))).replace(/<\/w>/g, '');
            cells[i][1].textContent = (Math.exp(logits[0][i][0] - most) / sum).toFixed(3) + ' (cos ' + logits[0][i][1].toFixed(2) + ')';
            cells[i][2].textContent = (1 / (1 + Math.exp(-logits[1][i][0]))).toFixed(4) + ' (cos ' + logits[1][i][1].toFixed(2) + ')';
          });
        });
        note.textContent = 'Two encoders of ' + sizes.map(function (s) { return Math.round(s / 1000) + ' kB'; }).join(' and ') + ', ' + ms + ' ms. CLIP: which of these captions? They share one. SigLIP: is it true, yes or no? Each by itself.';
      };
      var draw = function () {
        figures.slice(0, count).forEach(function (f, i) { m.c.scene_figure(i, f.kind, f.colour, f.x, f.y, f.r); });
        m.c.scene_draw(count);
        paint(page, m.bytes(m.c.scene_pixels(), 3072), 3);
        m.c.pair_look(0); m.c.pair_look(1);
        score();
      };
      drag(page, function (x, y, e) {
        if (e.type === 'pointerdown') chosen = count < 2 || Math.hypot(figures[0].x - x, figures[0].y - y) < Math.hypot(figures[1].x - x, figures[1].y - y) ? 0 : 1;
        figures[chosen].x = Math.min(26, Math.max(6, x)); figures[chosen].y = Math.min(26, Math.max(6, y));
        draw();
      });
      var controls = [0, 1].map(function (i) {
        var c = select(colours, function (v) { figures[i].colour = v; }), k = select(kinds, function (v) { figures[i].kind = v; });
        c.value = figures[i].colour; k.value = figures[i].kind;
        return make('label', {}, [document.createTextNode('figure ' + (i + 1)), c, k, slider('size', 3.5, 10, .5, figures[i].r, function (v) { figures[i].r = v; draw(); })]);
      });
      var one = make('input', { type: 'checkbox', checked: '' });
      one.onchange = function () { count = one.checked ? 2 : 1; draw(); };
      texts.forEach(function (t) { t.oninput = score; });
      box.appendChild(row([page, make('div', {}, controls.concat([make('label', {}, [one, document.createTextNode('two figures')])]))]));
      box.appendChild(make('div', { 'class': 'wide' }, [table]));
      box.appendChild(note);
      box.say = function (i, text) { texts[i].value = text; score(); return table.innerText; };
      draw();
    });
  }

  // ---- 4. Hide and fill in
  function fill(box, m) {
    return Promise.all([model(m, 'mae-cifar'), binary('photographs')]).then(function (got) {
      m.need(m.c.fill_open());
      var views = ['what is seen', 'filled in', 'the whole'].map(function (n) { return canvas(32, 32, 6, n); }), note = make('p', { 'class': 'said' });
      var which = 0, hidden = new Uint8Array(64), brush = 1;
      var see = function () {
        var photo = got[1].subarray(3072 * which, 3072 * (which + 1)), masked = new Uint8Array(photo), n = 0;
        for (var i = 0; i < 64; i++) n += hidden[i];
        for (i = 0; i < 1024; i++) if (hidden[Math.floor(i / 128) * 8 + Math.floor(i % 32 / 4)]) masked.fill(128, 3 * i, 3 * i + 3);
        m.bytes(m.c.fill_pixels(), 3072).set(photo);
        m.bytes(m.c.fill_hidden(), 64).set(hidden);
        var ms = timed(function () { if (n < 64) m.c.fill_in(); });
        paint(views[0], masked, 3); paint(views[1], m.bytes(m.c.fill_answer(), 3072), 3); paint(views[2], photo, 3);
        note.textContent = n + ' of 64 patches hidden, filled in ' + ms + ' ms by the MAE of the CIFAR-10 run (' + Math.round(got[0] / 1000) + ' kB). A hidden patch is shown with its own mean and contrast; what MAE says is the pattern.';
      };
      var ratio = .75, chance = function (wanted) {
        ratio = wanted;
        var order = []; hidden.fill(0);
        for (var i = 0; i < 64; i++) order.push(i);
        for (i = 0; i < Math.min(63, Math.round(64 * ratio)); i++) { var k = i + Math.floor(Math.random() * (64 - i)), t = order[i]; order[i] = order[k]; order[k] = t; hidden[order[i]] = 1; }
        see();
      };
      drag(views[0], function (x, y, e) {
        var at = Math.min(7, Math.max(0, Math.floor(y / 4))) * 8 + Math.min(7, Math.max(0, Math.floor(x / 4)));
        if (e.type === 'pointerdown') brush = hidden[at] ? 0 : 1;
        if (hidden[at] !== brush) { hidden[at] = brush; see(); }
      });
      box.appendChild(row(views.map(function (v) { return make('div', {}, [v, make('div', { text: v.getAttribute('aria-label') })]); })));
      box.appendChild(row([slider('ratio', 0, .95, .05, .75, chance), button('other patches', function () { chance(ratio); }), button('next photograph', function () { which = (which + 1) % 8; see(); })]));
      box.appendChild(note);
      box.filled = function () { return Array.from(m.bytes(m.c.fill_answer(), 3072)); };
      chance(.75);
    });
  }

  // ---- 5. Two losses
  function losses(box, m) {
    var N = 4, size = 240, page = canvas(size, size, 1, 'vectors of pictures and texts'), out = [canvas(N, N, 30, 'logits'), canvas(N, N, 30, 'gradient of InfoNCE'), canvas(N, N, 30, 'gradient of the sigmoid loss')];
    var angle = [[.3, 1.5, 2.8, 4.4], [.6, 1.2, 3.3, 4.9]], t = 10, b = -10, chosen = null, note = make('p', { 'class': 'said' });
    var hue = ['#e0574a', '#4a90e0', '#5cb85c', '#c79a2e'];
    var see = function () {
      var v = m.doubles(m.c.loss_vectors(), 16);
      for (var s = 0; s < 2; s++) for (var i = 0; i < N; i++) { v[(s * N + i) * 2] = Math.cos(angle[s][i]); v[(s * N + i) * 2 + 1] = Math.sin(angle[s][i]); }
      m.c.loss_compute(t, b);
      var n = Array.from(m.doubles(m.c.loss_numbers(), 2 + 48 + 32)), c = page.getContext('2d');
      c.fillStyle = '#101216'; c.fillRect(0, 0, size, size);
      for (s = 0; s < 2; s++) for (i = 0; i < N; i++) {
        var x = size / 2 + 95 * Math.cos(angle[s][i]), y = size / 2 - 95 * Math.sin(angle[s][i]), g = 2 + 48 + (s * N + i) * 2;
        c.strokeStyle = c.fillStyle = hue[i]; c.lineWidth = 2; c.beginPath(); c.moveTo(size / 2, size / 2); c.lineTo(x, y); c.stroke();
        c.beginPath(); if (s) c.rect(x - 6, y - 6, 12, 12); else c.arc(x, y, 7, 0, 7); c.fill();
        [[g, '#ffffff'], [g + 16, '#ffb347']].forEach(function (a) { // where a step would move it
          c.strokeStyle = a[1]; c.beginPath(); c.moveTo(x, y); c.lineTo(x - 60 * n[a[0]], y + 60 * n[a[0] + 1]); c.stroke();
        });
      }
      var shade = function (values, most) { return values.map(function (g) { var k = Math.min(1, Math.abs(g) / most); return g > 0 ? [255, 255 - 200 * k, 255 - 200 * k] : [255 - 200 * k, 255 - 200 * k, 255]; }); };
      var flat = function (list) { return [].concat.apply([], list); };
      paint(out[0], flat(n.slice(2, 18).map(function (x) { var k = Math.round(127 + 127 * x); return [k, k, k]; })), 3);
      paint(out[1], flat(shade(n.slice(18, 34), .25)), 3); paint(out[2], flat(shade(n.slice(34, 50), .25)), 3);
      note.textContent = 'InfoNCE ' + n[0].toFixed(3) + ' (white arrows), sigmoid loss ' + n[1].toFixed(3) + ' (orange), at t = ' + t + ', b = ' + b + '. Round: pictures, square: texts. Blue: a pair is drawn together, red: pushed apart.';
      box.numbers = n;
    };
    drag(page, function (x, y, e) {
      if (e.type === 'pointerdown') {
        var near = 1e9;
        for (var s = 0; s < 2; s++) for (var i = 0; i < N; i++) { var d = Math.hypot(size / 2 + 95 * Math.cos(angle[s][i]) - x, size / 2 - 95 * Math.sin(angle[s][i]) - y); if (d < near) { near = d; chosen = [s, i]; } }
      }
      angle[chosen[0]][chosen[1]] = Math.atan2(size / 2 - y, x - size / 2);
      see();
    });
    box.appendChild(row([page].concat(out.map(function (o, i) { return make('div', {}, [make('div', { text: ['cosines', 'gradient, InfoNCE', 'gradient, sigmoid'][i] }), o]); }))));
    box.appendChild(row([slider('t', 1, 50, 1, t, function (v) { t = v; see(); }), slider('b', -20, 5, .5, b, function (v) { b = v; see(); })]));
    box.appendChild(note);
    box.set = function (values) { t = values[0]; b = values[1]; see(); };
    see();
    return Promise.resolve();
  }

  // ---- 6. Train here
  function train(box, m) {
    var steps = 1000, curve = canvas(440, 160, 1, 'loss of each step'), tests = make('div', { 'class': 'row' }), note = make('p', { 'class': 'said' });
    var seed = make('input', { type: 'number', value: 1, min: 0, max: 999999, 'aria-label': 'seed' }), losses = [], running = false, began = false;
    var draw = function () {
      var c = curve.getContext('2d'), most = Math.log(8) * 1.2;
      c.fillStyle = '#101216'; c.fillRect(0, 0, 440, 160);
      c.strokeStyle = '#777'; c.beginPath(); c.moveTo(0, 160 - 150 * Math.log(8) / most); c.lineTo(440, 160 - 150 * Math.log(8) / most); c.stroke();
      c.strokeStyle = '#8ab8f0'; c.beginPath();
      var mean = losses[0];
      losses.forEach(function (l, i) { mean += .05 * (l - mean); c.lineTo(440 * i / steps, 160 - 150 * Math.min(mean, most) / most); });
      c.stroke();
    };
    var look = function () {
      tests.textContent = '';
      for (var i = 0; i < 6; i++) {
        var c = canvas(32, 32, 2, 'test picture ' + i), p, best = 0;
        paint(c, m.bytes(m.c.train_pixels(i), 3072), 3);
        p = m.floats(m.c.train_says(i), 8);
        for (var k = 1; k < 8; k++) if (p[k] > p[best]) best = k;
        tests.appendChild(make('div', {}, [c, make('div', { text: kinds[best] + ' ' + p[best].toFixed(2) })]));
      }
      note.textContent = 'Step ' + losses.length + ' of ' + steps + ', loss ' + (losses[losses.length - 1] || 0).toFixed(4) + '; ' + (100 * m.c.train_accuracy()).toFixed(1) + ' % of 200 test pictures right. The line is ln 8, what guessing pays.';
    };
    var begin = function () { m.c.train_begin(+seed.value, steps); losses = []; began = true; };
    var step = function () {
      if (!began) begin();
      var loss = m.c.train_step();
      if (isNaN(loss)) return false;
      losses.push(loss);
      return true;
    };
    var turn = function () {
      if (!running) return;
      var end = performance.now() + 30, going = true;
      while (going && performance.now() < end) going = step();
      draw();
      note.textContent = 'Step ' + losses.length + ' of ' + steps + ', loss ' + losses[losses.length - 1].toFixed(4);
      if (going) setTimeout(turn, 0); else { running = false; go.textContent = 'train again'; began = false; look(); }
    };
    var go = button('train', function () {
      running = !running;
      go.textContent = running ? 'stop and look' : 'go on';
      if (running) turn(); else look();
    });
    box.appendChild(row([curve]));
    box.appendChild(row([go, make('label', {}, [document.createTextNode('seed'), seed])]));
    box.appendChild(tests); box.appendChild(note);
    note.textContent = 'A ViT of width 32 and 2 blocks, 6,000 drawn shapes, batches of 32. The same as: build/train-vit --test 200 --width 32 --depth 2 --batch 32 --lr 4e-3 --steps 1000';
    box.run = function (n, s) { seed.value = s; begin(); for (var i = 0; i < n; i++) step(); draw(); look(); return losses.slice(); };
    draw();
    return Promise.resolve();
  }

  var figures = {
    digit: ['Draw a digit', drawDigit], attention: ['Where a patch looks', attention], captions: ['Say what you see', captions],
    fill: ['Hide and fill in', fill], losses: ['Two losses', losses], train: ['Train here', train]
  };
  SR.live = function (box) {
    var figure = figures[box.getAttribute('data-live')], begin = performance.now();
    box.textContent = '';
    box.appendChild(make('h3', { text: figure[0] }));
    var wait = make('p', { 'class': 'said', text: 'Loading the program and its weights…' });
    box.appendChild(wait);
    box.ready = open().then(function (m) { return figure[1](box, m); }).then(function () {
      wait.remove();
      box.setAttribute('data-milliseconds', Math.round(performance.now() - begin));
    }, function (error) { wait.textContent = 'This figure cannot run here: ' + error.message; throw error; });
    box.ready.catch(function () {});
  };
}());
