// One draws a picture on a torus and a kernel of 3 x 3: beside them the kernel's answer, the
// first maps of the chapter's trained network, and its verdict. The pixels can be shuffled.
//
// data is the state it opens with and layers = [[w, b], ...] (w of shape (out, in, 3, 3),
// flattened), top = [V, c], order (a shuffle of the places), samples (ten pictures, 0 to 9);
// state = { image: [SIDE * SIDE numbers], kernel: [9 numbers], shuffled: true or false };
// compute(data, state) = [the kernel's answer at every place, the mean of each map of the first
// layer, the largest value of each map of the last layer, the ten logits].
const SIDE = 14, CELLS = SIDE * SIDE, RED = [213, 94, 0], BLUE = [0, 114, 178];
const at = (r, c) => (r + SIDE) % SIDE * SIDE + (c + SIDE) % SIDE;
const relu = v => Math.max(v, 0);
// sum[i, j] += w[k, l] x[i + k, j + l], the kernel's nine numbers begin at w[from].
function correlate(x, w, from, sum) {
  for (let p = 0; p < CELLS; p++) {
    const i = Math.floor(p / SIDE), j = p % SIDE;
    for (let t = 0; t < 9; t++) {
      sum[p] += w[from + t] * x[at(i + Math.floor(t / 3) - 1, j + t % 3 - 1)];
    }
  }
  return sum;
}
function layer(maps, [w, b]) {
  return b.map((bias, o) => maps.reduce((sum, map, c) =>
    correlate(map, w, 9 * (o * maps.length + c), sum), Array(CELLS).fill(bias)).map(relu));
}
function see(data, { image, kernel, shuffled }) {
  const x = shuffled ? data.order.map(k => image[k]) : image;
  const first = layer([x], data.layers[0]);
  const last = data.layers.slice(1).reduce(layer, first);
  const peaks = last.map(map => Math.max(...map)), [V, c] = data.top;
  const logits = c.map((bias, o) => peaks.reduce((sum, v, k) => sum + V[o][k] * v, bias));
  return { x, answer: correlate(x, kernel, 0, Array(CELLS).fill(0)), first, peaks, logits };
}
function compute(data, state) {
  const { answer, first, peaks, logits } = see(data, state);
  return [answer, first.map(map => map.reduce((a, b) => a + b) / CELLS), peaks, logits];
}

// From here on what is seen.
const KERNELS = { "upright edge": [-1, 0, 1, -1, 0, 1, -1, 0, 1],
  "level edge": [1, 1, 1, 0, 0, 0, -1, -1, -1], "stroke": [-1, 1, -1, -1, 1, -1, -1, 1, -1],
  "spot": [-1, -1, -1, -1, 1, -1, -1, -1, -1], "blur": Array(9).fill(1) };
const WAYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const CSS = `
.filters { color: var(--pst-color-text-base, var(--jp-ui-font-color1)); font-size: .9rem; }
.filters > *, .filters label { display: flex; flex-wrap: wrap; align-items: center;
  gap: .5rem 1rem; margin: .4rem 0; }
.filters :is(select, button) { font: inherit; color: inherit; background: #8882;
  cursor: pointer; border: 1px solid #8888; border-radius: .4rem; padding: .3rem .8rem; }
.filters button[aria-pressed=true] { background: #d55e00; color: #fff; }
.filters figure { margin: 0; flex: 1 1 9rem; max-width: 15rem; text-align: center; }
.filters figcaption { min-height: 2.8em; }
.filters canvas { width: 100%; image-rendering: pixelated; background: #fff; display: block;
  border: 1px solid #8888; }
.filters .draw { cursor: crosshair; touch-action: none; }
.filters .draw:focus-visible { outline: 3px solid #0072b2; }
.filters .kernel { display: grid; grid-template-columns: repeat(3, 1fr); aspect-ratio: 1; }
.filters .kernel button { border-radius: 0; padding: 0; font-size: 1.2rem; }
.filters .maps { display: grid; gap: .5rem;
  grid-template-columns: repeat(auto-fill, minmax(4.5rem, 1fr)); }
.filters .verdict { flex-wrap: nowrap; gap: .3rem; align-items: flex-end; }
.filters .verdict div { flex: 1; text-align: center; }
.filters .verdict i { display: block; background: #0072b2; min-height: 1px; }
.filters .verdict .top i { background: #d55e00; }`;
const SIGNS = ["−", "0", "+"];
const HTML = `<style>${CSS}</style><div class="filters" role="group">
  <div><label>digit <select class="sample">${[...Array(10).keys()].map(k =>
    `<option>${k}</option>`).join("")}</select></label>
  <button type="button" class="clear">clear</button>
  ${Object.entries({ ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓", ArrowRight: "→" })
    .map(([key, arrow]) => `<button type="button" data-way="${key}"
      aria-label="move the picture ${key.slice(5).toLowerCase()}">${arrow}</button>`).join("")}
  <button type="button" class="shuffle" aria-pressed="false">shuffle pixels</button>
  <label>kernel <select class="kernels"><option>your own</option>${Object.keys(KERNELS)
    .map(name => `<option>${name}</option>`).join("")}</select></label></div>
  <div><figure><canvas class="draw" tabindex="0" role="slider"
    aria-label="picture: draw, or use the arrow keys and the space bar" aria-valuemin="1"
    aria-valuemax="${CELLS}"></canvas>
    <figcaption>draw here</figcaption></figure>
  <figure><div class="kernel">${[...Array(9).keys()].map(t =>
    `<button type="button" data-tap="${t}"></button>`).join("")}</div>
    <figcaption>kernel: click its cells</figcaption></figure>
  <figure><canvas class="answer" role="img" aria-label="answer of the kernel"></canvas>
    <figcaption>its answer: red positive, blue negative</figcaption></figure></div>
  <div>the network's first eight maps</div><div class="maps">${Array(8).fill(
    `<canvas role="img" aria-label="a feature map of the network"></canvas>`).join("")}</div>
  <div role="status"></div><div class="verdict">${[...Array(10).keys()].map(k =>
    `<div><i></i>${k}</div>`).join("")}</div></div>`;

// The picture in shades of grey, an answer in red and blue, scaled to its largest value.
function paint(canvas, values, shade) {
  Object.assign(canvas, { width: SIDE, height: SIDE });
  const pen = canvas.getContext("2d"), image = pen.createImageData(SIDE, SIDE);
  values.forEach((v, p) => image.data.set([...shade(v), 255], 4 * p));
  pen.putImageData(image, 0, 0);
  return pen;
}
const mix = (colour, share) => colour.map(v => 255 + (v - 255) * Math.min(1, share));
const grey = v => mix([20, 24, 30], v);
const signed = top => v => mix(v < 0 ? BLUE : RED, Math.abs(v) / top);

function render({ model, el }) {
  el.innerHTML = HTML;
  const $ = selector => el.querySelector(selector), all = s => [...el.querySelectorAll(s)];
  const data = model.get("data"), draw = $(".draw"), cursor = [6, 6];
  let state = { image: data.image, kernel: data.kernel, shuffled: false }, keyed = false;
  $(".filters").ariaLabel = model.get("alt");
  const show = () => {
    const { x, answer, first: maps, logits } = see(data, state);
    const pen = paint(draw, x, grey);
    Object.assign(draw, { ariaValueNow: SIDE * cursor[0] + cursor[1] + 1,
      ariaValueText: `row ${cursor[0] + 1}, column ${cursor[1] + 1}` });
    pen.fillStyle = "#d55e00aa";
    if (keyed) pen.fillRect(cursor[1], cursor[0], 1, 1);
    paint($(".answer"), answer, signed(Math.max(1e-9, ...answer.map(Math.abs))));
    const brightest = Math.max(1e-9, ...maps.flat());
    all(".maps canvas").forEach((canvas, k) => paint(canvas, maps[k], signed(brightest)));
    all("[data-tap]").forEach((cell, t) => {
      const value = state.kernel[t];
      cell.textContent = SIGNS[Math.sign(value) + 1];
      cell.ariaLabel = `row ${Math.floor(t / 3) + 1}, column ${t % 3 + 1}: ${value}`;
    });
    const top = Math.max(...logits), odds = logits.map(v => Math.exp(v - top));
    const total = odds.reduce((a, b) => a + b), said = logits.indexOf(top);
    all(".verdict div").forEach((bar, k) => {
      bar.className = k === said ? "top" : "";
      bar.firstChild.style.height = `${60 * odds[k] / total}px`;
    });
    const percent = Math.round(100 * odds[said] / total);
    $("[role=status]").textContent = `the network says ${said}, and is ${percent} % sure`;
    $(".shuffle").ariaPressed = String(state.shuffled);
    $(".draw + figcaption").textContent = state.shuffled ? "shuffled: as the network sees it"
      : "draw here, with mouse, finger or keys";
  };
  const change = part => { state = { ...state, ...part }; show(); };
  const dot = (row, column) => { // a soft brush
    if (state.shuffled) return;
    const image = [...state.image];
    for (const [k, l, v] of [[0, 0, 1], [0, 1, .35], [1, 0, .35], [0, -1, .35], [-1, 0, .35]]) {
      const p = at(row + k, column + l);
      image[p] = Math.max(image[p], v);
    }
    change({ image });
  };
  const follow = ({ clientX, clientY }) => {
    const { x, y, width } = draw.getBoundingClientRect();
    const [column, row] = [clientX - x, clientY - y].map(v => Math.floor(v / width * SIDE));
    if (Math.min(row, column) < 0 || Math.max(row, column) >= SIDE) return;
    cursor.splice(0, 2, row, column);
    state.shuffled ? show() : dot(row, column);
  };
  const step = ([rows, columns]) => change({ image: state.image.map((_, p) =>
    state.image[at(Math.floor(p / SIDE) - rows, p % SIDE - columns)]) });
  draw.onpointerdown = event => { draw.setPointerCapture(event.pointerId);
    keyed = false; follow(event); };
  draw.onpointermove = event => event.buttons && follow(event);
  draw.onkeydown = event => {
    const way = WAYS[event.key];
    if (!way && event.key !== " ") return;
    event.preventDefault();
    keyed = true;
    if (way) way.forEach((v, k) => { cursor[k] = (cursor[k] + v + SIDE) % SIDE; });
    else dot(...cursor);
    show();
  };
  draw.onblur = () => { keyed = false; show(); };
  for (const e of all("select, .draw")) e.dataset.lmSuppressShortcuts = true;
  for (const button of all("[data-way]")) button.onclick = () => step(WAYS[button.dataset.way]);
  for (const cell of all("[data-tap]")) {
    cell.onclick = () => {
      const t = +cell.dataset.tap;
      $(".kernels").value = "your own";
      change({ kernel: state.kernel.map((v, k) => k === t ? (v + 2) % 3 - 1 : v) });
    };
  }
  $(".clear").onclick = () => change({ image: Array(CELLS).fill(0), shuffled: false });
  $(".shuffle").onclick = () => change({ shuffled: !state.shuffled });
  $(".sample").oninput = event =>
    change({ image: data.samples[event.target.selectedIndex], shuffled: false });
  $(".kernels").oninput = ({ target }) => change({ kernel: KERNELS[target.value] ?? state.kernel });
  const same = values => String(values) === String(data.kernel);
  $(".kernels").value = Object.keys(KERNELS).find(name => same(KERNELS[name])) ?? "your own";
  $(".sample").selectedIndex = data.samples.findIndex(x => String(x) === String(data.image));
  show();
}

export default { compute, render };
