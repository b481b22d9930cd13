// Type to two small transformers: what each head looks at from a chosen letter, and which
// letter comes next, with temperature and top-k; a button lets the model write.
//
// data = { models: [{ name, letters, T, d, heads, layers, width, start, weights }], tau, k }:
// weights[name] is a parameter as 16-bit integers in base 64, 1/2048 each, in torch's order.
// state = { model, text, at, tau, k }; compute(data, state) = [looks, p]: looks[layer * heads
// + head][j] is the weight of letter j seen from letter `at`, p[i] the chance that letter i
// of the alphabet comes next after it.
const UNIT = 2048, BASE = 100, EPS = 1e-5, unpacked = new Map();
function parameter(model, name) {
  const packed = model.weights[name];
  if (!unpacked.has(packed)) {
    const bytes = Uint8Array.from(atob(packed), c => c.charCodeAt(0));
    unpacked.set(packed, Array.from(new Int16Array(bytes.buffer), w => w / UNIT));
  }
  return unpacked.get(packed);
}

const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
const add = (a, b) => a.map((v, i) => v + b[i]);
const linear = (model, name, x) => {
  const W = parameter(model, `${name}.weight`), d = x.length;
  return parameter(model, `${name}.bias`).map((b, i) => b + dot(x, W.slice(i * d, i * d + d)));
};
const norm = (model, name, x) => {
  const W = parameter(model, `${name}.weight`), b = parameter(model, `${name}.bias`);
  const mean = x.reduce((s, v) => s + v) / x.length, c = x.map(v => v - mean);
  const size = Math.sqrt(dot(c, c) / x.length + EPS);
  return c.map((v, i) => W[i] * v / size + b[i]);
};
const softmax = z => {
  const top = Math.max(...z), e = z.map(v => Math.exp(v - top)), sum = e.reduce((s, v) => s + v);
  return e.map(v => v / sum);
};
function erf(x) { // a series of positive terms
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}
const gelu = x => x * (1 + erf(x / Math.SQRT2)) / 2;
const turn = (x, t) => x.map((v, i) => { // rotary: pairs of coordinates by t BASE^(-2i/d)
  const a = t * BASE ** (-(i - i % 2) / x.length);
  return i % 2 ? x[i - 1] * Math.sin(a) + v * Math.cos(a)
    : v * Math.cos(a) - x[i + 1] * Math.sin(a);
});

function forward(model, tokens) { // attention W[layer][head][i][j], logits of every place
  const { d, heads, layers } = model, w = d / heads, table = parameter(model, "embed.weight");
  let x = tokens.map(c => table.slice(c * d, c * d + d));
  const W = [];
  for (let layer = 0; layer < layers; layer++) {
    const name = `blocks.${layer}`, mixed = x.map(() => []);
    const roles = x.map(v => linear(model, `${name}.attn.qkv`, norm(model, `${name}.norm1`, v)));
    W.push(Array.from({ length: heads }, (_, h) => {
      const role = (r, k) => r.slice(k * d + h * w, k * d + h * w + w);
      const q = roles.map((r, t) => turn(role(r, 0), t)), V = roles.map(r => role(r, 2));
      const K = roles.map((r, t) => turn(role(r, 1), t));
      return q.map((query, i) => {
        const row = softmax(K.slice(0, i + 1).map(key => dot(query, key) / Math.sqrt(w)));
        const mean = V[0].map((_, c) => row.reduce((sum, weight, j) => sum + weight * V[j][c], 0));
        mixed[i].push(...mean);
        return row;
      });
    }));
    x = x.map((v, i) => add(v, linear(model, `${name}.attn.out`, mixed[i])));
    x = x.map(v => add(v, linear(model, `${name}.mlp.2`,
      linear(model, `${name}.mlp.0`, norm(model, `${name}.norm2`, v)).map(gelu))));
  }
  return [W, x.map(v => linear(model, "head", norm(model, "norm", v)))];
}

function compute(data, { model, text, at, tau, k }) {
  const m = data.models[model], [W, logits] = forward(m, [...text].map(c => m.letters.indexOf(c)));
  const z = logits[at], least = [...z].sort((a, b) => b - a)[k - 1];
  const p = softmax(z.map(v => (v < least ? -Infinity : v / tau)));
  return [W.flat().map(head => head[at]), p];
}

// From here on what is seen.
const CSS = `
.typing { --ink: 0, 114, 178; color: var(--pst-color-text-base, var(--jp-ui-font-color1));
  font-size: .9rem; }
html[data-theme="dark"] .typing, [data-jp-theme-light="false"] .typing { --ink: 86, 180, 233; }
.typing > div, .typing label { display: flex; flex-wrap: wrap; align-items: center;
  gap: .4rem 1rem; margin: .35rem 0; }
.typing :is(select, button, input[type=text]) { font: inherit; color: inherit;
  background: #8882; border: 1px solid #8888; border-radius: .4rem; padding: .3rem .7rem; }
.typing input[type=text] { flex: 1 1 14rem; font-family: monospace; }
.typing button { cursor: pointer; } .typing .rows { display: block; overflow-x: auto; }
.typing .look { display: flex; align-items: center; width: max-content; }
.typing .look b { flex: 0 0 7rem; font-weight: normal; }
.typing .look i { flex: 0 0 1.25rem; text-align: center; font: 1rem/1.7rem monospace; }
.typing .pick i { cursor: pointer; } .typing .pick i.at { box-shadow: 0 3px; font-weight: bold;
  touch-action: none; }
.typing .at:focus-visible { outline: 2px solid rgb(var(--ink)); outline-offset: -2px; }
.typing .bars { flex-wrap: nowrap; align-items: flex-end; gap: 2px; height: 8.2rem; }
.typing .bars span { flex: 1 1 0; text-align: center; max-width: 4rem; font-family: monospace; }
.typing .bars span::before { content: ""; display: block; height: calc(var(--p) * 6.3rem);
  background: rgb(var(--ink)); border-radius: 2px 2px 0 0; min-height: 1px; }`;
const seen = c => (c === " " ? "␣" : c);
const HTML = `<style>${CSS}</style><div class="typing" role="group">
  <div><label>model <select></select></label>
  <button type="button">write a letter</button><button type="button">▶ write on</button></div>
  <div><label style="flex:1">your text <input type="text" spellcheck="false"
  autocomplete="off" autocapitalize="off"></label></div>
  <div class="rows" tabindex="0" role="region" aria-label="what each head looks at"></div>
  <div class="said" role="status"></div><div class="bars" role="img"></div>
  <div><label>temperature <input type="range" min="0.1" max="3" step="0.1"><output></output>
  </label><label>top-k <input type="range" min="1" step="1"><output></output></label></div></div>`;

function render({ model: given, el }) {
  el.innerHTML = HTML;
  const data = given.get("data"), $ = selector => el.querySelector(selector);
  const [choice, line] = [$("select"), $("input[type=text]")];
  const [tau, k] = el.querySelectorAll("input[type=range]"), [one, on] =
    el.querySelectorAll("button"), [says, keeps] = el.querySelectorAll("output");
  $(".typing").ariaLabel = given.get("alt");
  choice.innerHTML = data.models.map((m, i) => `<option value="${i}">${m.name}</option>`).join("");
  let at, clock, p, held; // the letter that looks; a timer; what comes next; while dragging
  const here = () => data.models[+choice.value], window_ = () => line.value.slice(-here().T);
  const draw = () => {
    const m = here(), text = window_();
    [says.textContent, keeps.textContent] = [(+tau.value).toFixed(1), k.value];
    if (!text) return void ($(".said").textContent = "Type a letter.");
    at = Math.min(at, text.length - 1);
    const state = { model: +choice.value, text, at, tau: +tau.value, k: +k.value };
    const had = $(".at:focus"), [looks, chances] = compute(data, state);
    p = chances;
    const grip = `class="at" tabindex="0" role="slider" aria-label="the letter that looks"
      aria-valuemin="1" aria-valuemax="${text.length}" aria-valuenow="${at + 1}"
      aria-valuetext="${seen(text[at])}, letter ${at + 1}"`;
    $(".rows").innerHTML = `<div class="look pick"><b>looks from</b>${[...text].map((c, j) =>
      `<i ${j === at ? grip : ""}>${seen(c)}</i>`).join("")}</div>${
      looks.map((row, n) => `<div class="look"><b>layer ${1 + Math.floor(n / m.heads)}, head ${
        1 + n % m.heads}</b>${[...text].map((c, j) => `<i style="background: rgba(var(--ink), ${
        (0.85 * (row[j] ?? 0)).toFixed(3)})">${seen(c)}</i>`).join("")}</div>`).join("")}`;
    $(".at").dataset.lmSuppressShortcuts = true;
    if (had) $(".at").focus({ preventScroll: true });
    const [mark, frame] = [$(".at"), $(".rows")].map(e => e.getBoundingClientRect());
    if (!held) $(".rows").scrollLeft += mark.right - frame.left - 0.8 * frame.width;
    const best = p.indexOf(Math.max(...p));
    const words = `next after “${seen(text[at])}”: ${seen(m.letters[best])} with ${
      (100 * p[best]).toFixed(0)} %`;
    $(".said").textContent = $(".bars").ariaLabel = words;
    $(".bars").innerHTML = p.map((v, i) => `<span style="--p: ${v}">${
      seen(m.letters[i])}</span>`).join("");
  };
  const last = () => draw(at = Math.max(0, window_().length - 1));
  const write = () => { // the model's next letter, at the end
    if (!line.value) line.value = here().start;
    last();
    let u = Math.random(), i = 0;
    while (i < p.length - 1 && (u -= p[i]) > 0) i++;
    line.value += here().letters[i];
    last();
  };
  const stop = () => { [clock, on.textContent] = [clearInterval(clock), "▶ write on"]; };
  const enter = () => { // a model
    stop();
    k.max = here().letters.length;
    [line.value, k.value, tau.value] = [here().start, data.k ?? k.max, data.tau];
    draw(at = Math.max(0, window_().length - 3));
  };
  line.oninput = () => {
    stop();
    line.value = [...line.value.toLowerCase()].filter(c => here().letters.includes(c)).join("");
    last();
  };
  [choice.onchange, tau.oninput, k.oninput] = [enter, draw, draw];
  one.onclick = () => write(stop());
  on.onclick = () => {
    if (clock) return stop();
    clock = setInterval(() => (el.isConnected ? write() : stop()), 250);
    on.textContent = "❚❚ pause";
  };
  const rows = $(".rows"), follow = ({ clientX }) => {
    const { x, width } = $(".pick i").getBoundingClientRect();
    draw(at = Math.max(0, Math.min(window_().length - 1, Math.floor((clientX - x) / width))));
  };
  rows.onpointerdown = event => {
    if ((held = event.target.closest(".pick"))) rows.setPointerCapture(event.pointerId);
    if (held) follow(event);
  };
  rows.onpointermove = event => held && event.buttons && follow(event);
  rows.onpointerup = rows.onpointercancel = () => { held = null; };
  rows.onkeydown = event => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way || !event.target.classList.contains("at")) return;
    event.preventDefault();
    draw(at = Math.max(0, Math.min(window_().length - 1, at + way)));
  };
  for (const e of el.querySelectorAll("select, input")) e.dataset.lmSuppressShortcuts = true;
  enter();
}

export default { compute, render };
