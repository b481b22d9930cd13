// Speculative decoding, one look at a time: a small model guesses k letters ahead, the large
// one keeps each with probability min(1, p/q) and draws the first that it rejects anew.
//
// data = { letters, small, large, k, past }: the tables as 16-bit counts in base 64, small[b][c]
// and large[a][b][c], rows to be divided by their sums. state = { past, k, dice, coins, last }:
// dice[i] in [0, 1) draws guess i, coins[i] judges it, last draws the letter that ends the look.
// compute(data, state) = [guesses, ratios, overlaps, kept, letter, rest]: for each guess its
// letter, min(1, p/q) and the sum of min(p, q); how many are kept; the last letter and its law.
const unpacked = new Map();
function table(packed) {
  if (!unpacked.has(packed)) {
    const bytes = Uint8Array.from(atob(packed), c => c.charCodeAt(0));
    unpacked.set(packed, Array.from(new Uint16Array(bytes.buffer)));
  }
  return unpacked.get(packed);
}
const share = w => { const sum = w.reduce((s, v) => s + v, 0); return w.map(v => v / sum); };
function models(data, a, b) { // what the small and the large model say after a, b
  const n = data.letters.length, row = (t, i) => share(t.slice(i * n, i * n + n));
  return [row(table(data.small), b), row(table(data.large), a * n + b)];
}
function draw(p, u) {
  let sum = 0, i = 0;
  while (i < p.length - 1 && (sum += p[i]) <= u) i++;
  return i;
}
function rows(data, { past, k, dice }) { // the guesses, and both models' words at each place
  const text = [...past].map(c => data.letters.indexOf(c)), out = [];
  for (let i = 0; i <= k; i++) {
    const [q, p] = models(data, text.at(-2), text.at(-1));
    out.push({ q, p, guess: i < k ? draw(q, dice[i]) : -1 });
    text.push(out[i].guess);
  }
  return out;
}
function compute(data, state) {
  const { k, coins, last } = state, places = rows(data, state), asked = places.slice(0, k);
  const ratios = asked.map(({ p, q, guess }) => Math.min(1, p[guess] / q[guess]));
  const overlaps = asked.map(({ p, q }) => p.reduce((s, v, c) => s + Math.min(v, q[c]), 0));
  const no = ratios.findIndex((r, i) => coins[i] >= r), kept = no < 0 ? k : no;
  const { p, q } = places[kept];
  const rest = kept === k ? p : share(p.map((v, c) => Math.max(v - q[c], 0)));
  return [asked.map(r => r.guess), ratios, overlaps, kept, draw(rest, last), rest];
}

// From here on what is seen.
const MAX = 6, HIGH = 110;
const CSS = `
.speculate { --q: 118, 118, 118; --p: 0, 114, 178; --yes: #00704f; --no: #b34700;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); font-size: .9rem; }
html[data-theme="dark"] .speculate, [data-jp-theme-light="false"] .speculate {
  --p: 86, 180, 233; --q: 160, 160, 160; --yes: #2fc79a; --no: #f08a4b; }
.speculate > div, .speculate label { display: flex; flex-wrap: wrap; align-items: center;
  gap: .4rem 1rem; margin: .45rem 0; }
.speculate button { font: inherit; color: inherit; background: #8882; cursor: pointer;
  border: 1px solid #8888; border-radius: .4rem; padding: .3rem .8rem; }
.speculate .text { font: 1.05rem/1.7 monospace; display: block; overflow-wrap: anywhere;
  min-height: 3.4rem; }
.speculate .text span:nth-child(even) { background: rgba(var(--p), .18); }
.speculate .text span:nth-child(odd) { background: rgba(230, 159, 0, .25); }
.speculate .cards { gap: .5rem; align-items: stretch; flex-wrap: nowrap; }
.speculate .guess { flex: 1 1 0; max-width: 6.5rem; min-width: 0; text-align: center;
  border: 2px solid #8886; border-radius: .5rem; padding: .3rem .1rem; cursor: pointer; }
.speculate .guess.on { border-color: rgb(var(--p)); }
.speculate .guess.off { border-style: dashed; } .speculate .guess.off svg { opacity: .4; }
.speculate .guess b { font: bold 1.3rem monospace; display: block; }
.speculate .guess svg { width: 3.2rem; height: ${HIGH + 16}px; overflow: visible;
  touch-action: none; cursor: ns-resize; outline: none; }
.speculate .guess svg:focus-visible circle { stroke-width: 5; }
.speculate .yes { color: var(--yes); } .speculate .no { color: var(--no); }
.speculate .bars { flex-wrap: nowrap; align-items: flex-end; gap: 1px; height: 8.4rem; }
.speculate .bars span { flex: 1 1 0; min-width: 0; text-align: center; font: .8rem monospace; }
.speculate .bars i { display: inline-block; width: 42%; vertical-align: bottom; }`;
const seen = c => (c === " " ? "␣" : c);
const percent = v => `${(100 * v).toFixed(0)} %`;
const HTML = `<style>${CSS}</style><div class="speculate" role="group">
  <div><button type="button">next look</button><button type="button">other dice</button>
  <button type="button">▶ run</button><label>guesses a look <input type="range" min="1"
  max="${MAX}"><output></output></label></div>
  <div class="text"></div><div class="cards"></div>
  <div class="said" role="status"></div><div class="bars" role="img"></div></div>`;

function render({ model, el }) {
  el.innerHTML = HTML;
  const data = model.get("data"), $ = s => el.querySelector(s), range = $("input");
  const [next, again, run] = el.querySelectorAll("button"), letter = c => data.letters[c];
  $(".speculate").ariaLabel = model.get("alt");
  range.value = data.k;
  let state, picked = 0, looks = [], clock; // looks: the pieces of text, one for each
  const dice = () => Array.from({ length: MAX }, Math.random);
  const start = () => { state = { past: state?.past ?? data.past, dice: dice(), coins: dice(),
    last: Math.random() }; };
  const draw_ = () => {
    state.k = +range.value;
    const [guesses, ratios, overlaps, kept, ends, rest] = compute(data, state);
    const places = rows(data, state);
    picked = Math.min(picked, state.k);
    $("output").textContent = state.k;
    const count = looks.reduce((s, piece) => s + piece.length, 0);
    $(".text").innerHTML = `<b>${seen(data.past)}</b>` + looks.slice(-40).map(piece =>
      `<span>${[...piece].map(seen).join("")}</span>`).join("") + (count ? `<br><small>${count}
      letters, ${looks.length} looks: ${(count / looks.length).toFixed(2)} a look</small>` : "");
    const focus = el.querySelector("svg:focus")?.dataset.i;
    $(".cards").innerHTML = [...guesses, ends].map((c, i) => {
      const last = i === state.k, fate = last ? (kept === state.k ? "extra" : "instead")
        : i < kept ? "kept" : i === kept ? "rejected" : "unread";
      const y = v => 8 + HIGH * (1 - v), r = last ? 0 : ratios[i], u = state.coins[i];
      const grip = last ? `<p>the large<br>model’s<br>own draw</p>` : `<svg data-i="${i}"
        viewBox="-26 0 52 ${HIGH + 16}" tabindex="0" role="slider" aria-orientation="vertical"
        aria-label="coin of guess ${i + 1}" aria-valuemin="0" aria-valuemax="1"
        aria-valuenow="${u.toFixed(2)}" aria-valuetext="${u.toFixed(2)}, kept below ${
        r.toFixed(2)}: ${fate}"><rect x="-9" y="8" width="18" height="${HIGH}" fill="var(--no)"
        fill-opacity=".35"/><rect x="-9" y="${y(r)}" width="18" height="${HIGH * r}"
        fill="var(--yes)" fill-opacity=".55"/><circle cy="${y(u)}" r="8" fill="#fff"
        stroke="#16191d" stroke-width="2.5"/></svg>`;
      return `<div class="guess ${i === picked ? "on" : ""} ${fate === "unread" ? "off" : ""}"
        data-card="${i}"><b>${seen(letter(c))}</b>${grip}<div class="${fate === "unread" ? ""
        : fate === "rejected" ? "no" : "yes"}">${fate}</div></div>`;
    }).join("");
    if (focus) el.querySelector(`svg[data-i="${focus}"]`)?.focus({ preventScroll: true });
    for (const e of el.querySelectorAll("svg, input")) e.dataset.lmSuppressShortcuts = true;
    const at = picked === state.k ? kept : picked, { p, q } = places[at];
    const after = (state.past + guesses.slice(0, at).map(letter).join("")).slice(-2);
    const words = picked === state.k
      ? `last letter: drawn from ${kept === state.k ? "the large model" : "the rest, (p − q)₊"}`
      : `guess ${picked + 1}: after “${seen(after)}” the small model drew “${seen(letter(
        guesses[at]))}”; p/q = ${(p[guesses[at]] / q[guesses[at]]).toFixed(2)}; a guess here is
        kept with ${percent(overlaps[at])}`;
    $(".said").textContent = words + " (grey: small model q, blue: large model p"
      + (picked === state.k ? ", orange: what the last letter is drawn from)" : ")");
    $(".bars").ariaLabel = words;
    const top = Math.max(...p, ...q, ...(picked === state.k ? rest : []));
    const bar = (v, c) => `<i style="height:${(v / top * 6.6).toFixed(3)}rem;background:${c}"></i>`;
    $(".bars").innerHTML = p.map((v, c) => `<span>${bar(q[c], "rgb(var(--q))")}${
      bar(v, "rgb(var(--p))")}${picked === state.k ? bar(rest[c], "#e69f00") : ""}<br>${
      seen(letter(c))}</span>`).join("");
    if (picked === state.k) for (const e of el.querySelectorAll(".bars i")) e.style.width = "30%";
  };
  const advance = () => { // this look's letters, then new dice
    const [guesses, , , kept, ends] = compute(data, state);
    looks.push([...guesses.slice(0, kept), ends].map(letter).join(""));
    state.past = (state.past + looks.at(-1)).slice(-2);
    draw_(start());
  };
  const stop = () => { [clock, run.textContent] = [clearInterval(clock), "▶ run"]; };
  next.onclick = () => advance(stop());
  again.onclick = () => draw_(start(stop()));
  run.onclick = () => {
    if (clock) return stop();
    clock = setInterval(() => (el.isConnected ? advance() : stop()), 350);
    run.textContent = "❚❚ pause";
  };
  range.oninput = draw_;
  const coin = (i, u) => { state.coins[i] = Math.max(0, Math.min(0.999, u)); picked = i; draw_(); };
  const cards = $(".cards");
  let held = -1;
  const follow = ({ clientY }) => {
    const box = cards.querySelector(`svg[data-i="${held}"]`).getBoundingClientRect();
    coin(held, 1 - (clientY - box.top - 8) / HIGH);
  };
  cards.onpointerdown = event => {
    const svg = event.target.closest("svg"), card = event.target.closest(".guess");
    if (!card) return;
    stop();
    picked = +card.dataset.card;
    if (!svg) return draw_();
    held = +svg.dataset.i;
    cards.setPointerCapture(event.pointerId);
    follow(event);
    cards.querySelector(`svg[data-i="${held}"]`)?.focus({ preventScroll: true });
  };
  cards.onpointermove = event => held >= 0 && event.buttons && follow(event);
  cards.onpointerup = cards.onpointercancel = () => { held = -1; };
  cards.onkeydown = event => {
    const svg = event.target.closest("svg"), way = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1,
      ArrowLeft: -1 }[event.key];
    if (!svg || !way) return;
    event.preventDefault();
    const i = +svg.dataset.i;
    coin(i, state.coins[i] + 0.05 * way);
  };
  draw_(start());
}

export default { compute, render };
