// Left the plane of a decoder's codes: drag the ring, and the digit decoded there is drawn.
// Right a crowd of particles in the flow of a mixture of Gaussians between data and noise,
// forwards and backwards in time, for all of it or guided to one of its parts.
//
// data = { decoder: [[A, a], [B, b]], weights, centres, shapes, crowd: [[x, y], ...] };
// state = { code, particles, journey: [from, to], steps, part: -1 | 0 | 1 | 2, guidance };
// compute(data, state) = [the 64 grey values, where the particles stand after the journey].
// The time s is an angle: x = cos s · data + sin s · noise.
const sigmoid = v => 1 / (1 + Math.exp(-v));
const affine = (A, x, b) => A.map((row, i) => row.reduce((t, w, j) => t + w * x[j], b[i]));
function decode(decoder, code) {
  const [[A, a], [B, b]] = decoder, h = affine(A, code, a).map(v => v * sigmoid(v));
  return affine(B, h, b).map(sigmoid);
}
function velocity(data, [x, y], s, shares) { // cos s E[noise | x] - sin s E[data | x]
  const a = Math.cos(s), b = Math.sin(s);
  const parts = data.centres.map(([m, n], k) => {
    const [[p, q], [, r]] = data.shapes[k];
    const P = a * a * p + b * b, Q = a * a * q, R = a * a * r + b * b, det = P * R - Q * Q;
    const u = x - a * m, w = y - a * n, g = [(R * u - Q * w) / det, (P * w - Q * u) / det];
    const log = Math.log(shares[k] + 1e-300) - (g[0] * u + g[1] * w + Math.log(det)) / 2;
    return { log, v: [a * b * g[0] - b * (m + a * (p * g[0] + q * g[1])),
      a * b * g[1] - b * (n + a * (q * g[0] + r * g[1]))] };
  });
  const most = Math.max(...parts.map(part => part.log));
  const r = parts.map(part => Math.exp(part.log - most)), total = r[0] + r[1] + r[2];
  return [0, 1].map(i => parts.reduce((t, part, k) => t + r[k] * part.v[i], 0) / total);
}
function guided(data, x, s, part, guidance) {
  const plain = velocity(data, x, s, data.weights);
  if (part < 0) return plain;
  const own = velocity(data, x, s, [0, 1, 2].map(k => +(k === part)));
  return plain.map((v, i) => v + guidance * (own[i] - v));
}
function carry(data, start, [from, to], steps, part, guidance) { // Heun's method
  return start.map(x => {
    for (let k = 0; k < steps; k++) {
      const s = from + (to - from) * k / steps, h = (to - from) / steps;
      const first = guided(data, x, s, part, guidance);
      const second = guided(data, x.map((v, i) => v + h * first[i]), s + h, part, guidance);
      x = x.map((v, i) => v + h * (first[i] + second[i]) / 2);
    }
    return x;
  });
}
function compute(data, { code, particles, journey, steps, part, guidance }) {
  return [decode(data.decoder, code), carry(data, particles, journey, steps, part, guidance)];
}

// From here on what is seen.
const END = Math.PI / 2, FRAMES = 60, REACH = 3, W = 440, H = 340, SCALE = 50;
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const CSS = `
.score { --own: #d55e00; --dot: #0072b2; --ink: #222; font-size: .9rem;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); }
html[data-theme="dark"] .score, [data-jp-theme-light="false"] .score {
  --own: #f08a3c; --dot: #56b4e9; --ink: #ddd; }
.score > div { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center;
  margin: .3rem 0; }
.score :is(select, button) { font: inherit; color: inherit; background: #8882; cursor: pointer;
  border: 1px solid #8888; border-radius: .4rem; padding: .25rem .6rem; }
.score input { vertical-align: middle; width: 9rem; accent-color: var(--own); }
.score .maps { align-items: flex-start; }
.score .codes { flex: 1 1 12rem; position: relative; max-width: 20rem; }
.score .codes canvas { width: 100%; display: block; image-rendering: pixelated; }
.score .codes svg { position: absolute; inset: 0; touch-action: none; cursor: crosshair; }
.score .big { flex: 0 1 6rem; } .score .big canvas { width: 100%; image-rendering: pixelated; }
.score .crowd { flex: 1 1 18rem; touch-action: none; cursor: crosshair; border: 1px solid #8885; }
.score .ring { fill: none; stroke: #e69f00; stroke-width: 3; outline: none; }
.score .ring:focus-visible { stroke-width: 6; } .score text { fill: currentColor; font-size: 13px; }
.score .field { stroke: var(--ink); stroke-opacity: .6; fill: none; }`;

function render({ model, el }) {
  const data = model.get("data"), SHEET = 9;
  el.innerHTML = `<style>${CSS}</style><div class="score" role="group"><div class="maps">
    <div class="codes"><canvas width="${SHEET * 9}" height="${SHEET * 9}"></canvas>
    <svg viewBox="-3 -3 6 6"><circle class="ring" r=".22" tabindex="0" role="slider"
    aria-label="code" aria-valuemin="-3" aria-valuemax="3" vector-effect="non-scaling-stroke"/>
    </svg></div><div class="big"><canvas width="8" height="8" role="img"></canvas>
    <span data-code></span></div>
    <svg class="crowd" viewBox="${-W / 2} ${-H / 2} ${W} ${H}" role="img"><path class="field"/>
    <g></g></svg></div><div><button type="button">▶ to the noise and back</button>
    <label>time <input type="range" min="0" max="${FRAMES}" value="0"></label>
    <label>sample <select><option>everything</option><option>left corner</option>
    <option>mouth</option><option>right corner</option></select></label>
    <label>guidance <select><option>1</option><option>2</option><option>4</option></select></label>
    <button type="button">new noise</button></div><div role="status"></div></div>`;
  const $ = selector => el.querySelector(selector);
  const [go, again] = el.querySelectorAll("button"), clock = $("input"), ring = $(".ring");
  const [which, strength] = el.querySelectorAll("select"), crowd = $(".crowd");
  const clip = v => Math.max(-REACH, Math.min(REACH, v));
  $(".score").ariaLabel = model.get("alt");
  const paint = (pen, pixels, x, y) => {
    const image = pen.createImageData(8, 8);
    pixels.forEach((v, i) => image.data.set([255 * v, 255 * v, 255 * v, 255], 4 * i));
    pen.putImageData(image, x, y);
  };
  const sheet = $(".codes canvas").getContext("2d");
  for (let i = 0; i < SHEET * SHEET; i++) { // tile (i, j) shows the code at its middle
    const at = k => (k + 0.5) * 2 * REACH / SHEET - REACH;
    const [col, row] = [i % SHEET, Math.floor(i / SHEET)];
    paint(sheet, decode(data.decoder, [at(col), -at(row)]), 9 * col, 9 * row);
  }
  let code = [0.5, 0.5], timer = 0, way = 1, here, mine;
  const walk = p => {
    code = p.map(clip);
    const pixels = decode(data.decoder, code), said = code.map(v => v.toFixed(2)).join(", ");
    const unsure = pixels.reduce((t, v) => t + Math.min(v, 1 - v), 0) / 32;
    paint($(".big canvas").getContext("2d"), pixels, 0, 0);
    $(".big canvas").ariaLabel = `the digit decoded at (${said})`;
    $("[data-code]").textContent = `(${said}), grey: ${(100 * unsure).toFixed(0)} %`;
    ring.setAttribute("cx", code[0]);
    ring.setAttribute("cy", -code[1]);
    Object.assign(ring, { ariaValueNow: code[0], ariaValueText: said });
  };
  const chosen = () => [which.selectedIndex - 1, +strength.value];
  const angle = () => END * clock.value / FRAMES;
  const draw = () => {
    const s = angle(), xy = ([x, y]) => `cx="${SCALE * x}" cy="${-SCALE * y}"`;
    $(".crowd g").innerHTML = here.map((p, i) =>
      `<circle ${xy(p)} r="${i < mine ? 2.5 : 6}" fill="var(--${i < mine ? "dot" : "own"})"/>`)
      .join("") + `<text x="${8 - W / 2}" y="${18 - H / 2}">noise ${Math.sin(s).toFixed(2)}</text>`;
    let arrows = "";
    for (let x = -4; x <= 4; x += 0.8) for (let y = -3; y <= 3; y += 0.75) {
      const v = guided(data, [x, y], s, ...chosen()).map(u => -u);
      const size = Math.hypot(...v) || 1, l = 14 * Math.tanh(size) / size;
      arrows += `M${SCALE * x} ${-SCALE * y}l${l * v[0]} ${-l * v[1]}`;
    }
    $(".field").setAttribute("d", arrows);
    const mean = here.slice(0, mine).reduce((t, p) => t + p[0] / mine, 0);
    crowd.ariaLabel = `${here.length} particles, noise ${Math.sin(s).toFixed(2)}`;
    clock.ariaValueText = `noise ${Math.sin(s).toFixed(2)}`;
    $("[role=status]").textContent =
      `time ${(s / END).toFixed(2)}; the crowd's mean of x₁ is ${mean.toFixed(2)}`;
  };
  let last = 0;
  const move = () => { // the particles go from the last time to the slider's
    const to = angle(), steps = Math.max(1, Math.ceil(Math.abs(to - last) / 0.03));
    here = carry(data, here, [last, to], steps, ...chosen());
    draw(last = to);
  };
  const stop = () => { timer = cancelAnimationFrame(timer) || 0; };
  const tick = () => {
    clock.value = +clock.value + way;
    move();
    if (way > 0 && +clock.value === FRAMES) way = -1;
    if (!el.isConnected || (way < 0 && +clock.value === 0)) return void (way = 1, stop());
    timer = requestAnimationFrame(tick);
  };
  const { random, sqrt, log, cos } = Math;
  const normal = () => sqrt(-2 * log(1 - random())) * cos(4 * END * random());
  go.onclick = () => timer ? stop() : (timer = requestAnimationFrame(tick));
  clock.oninput = () => move(stop());
  again.onclick = () => { // fresh particles in the noise
    stop();
    here = data.crowd.map(() => [normal(), normal()]);
    [mine, way, clock.value, last] = [here.length, -1, FRAMES, END];
    draw();
  };
  which.onchange = strength.onchange = draw;
  const place = (box, event, size, [ox, oy]) => {
    const { x, y, width } = box.getBoundingClientRect(), unit = size / width;
    return [(event.clientX - x) * unit - ox, oy - (event.clientY - y) * unit];
  };
  const drag = (box, act) => {
    box.onpointerdown = event => {
      if (event.isTrusted) box.setPointerCapture(event.pointerId);
      act(event);
    };
    box.onpointermove = event => event.buttons && act(event);
  };
  drag($(".codes svg"), event => walk(place($(".codes svg"), event, 2 * REACH, [REACH, REACH])));
  drag(crowd, event => { // a particle of one's own
    here = here.slice(0, mine);
    here.push(place(crowd, event, W, [W / 2, H / 2]).map(v => v / SCALE));
    draw();
  });
  ring.onkeydown = event => {
    const step = WAYS[event.key], by = event.shiftKey ? 0.5 : 0.1;
    if (step) event.preventDefault(), walk(code.map((v, i) => v + by * step[i]));
  };
  for (const e of el.querySelectorAll("select, input, .ring")) e.dataset.lmSuppressShortcuts = true;
  here = data.crowd.map(p => [...p]);
  mine = here.length;
  walk(code);
  draw();
}

export default { compute, render };
