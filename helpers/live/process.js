// A Gaussian process conditioned on observations that one drags: its mean, its band, three
// draws, and the log probability of the observations.
//
// data = { grid, frequency, phase, units, noise, state }: the random numbers of the draws and
// the state it opens with; state = { looks: [[x, y], …], length, noise, kernel } with kernel
// "bell" or "network". compute(data, state) = [mean, sd, draws, evidence]: mean[i] and sd[i] on
// the grid, draws[r][i] of the three posterior functions, one number.
const KERNELS = {
  bell: (x, z, l) => Math.exp(-((x - z) ** 2) / (2 * l * l)),
  network: (x, z, l) => { // the arc-cosine kernel of (x / l, 1) and (z / l, 1)
    const [u, v] = [x / l, z / l], norms = Math.hypot(u, 1) * Math.hypot(v, 1);
    const angle = Math.acos(Math.max(-1, Math.min(1, (u * v + 1) / norms)));
    return norms * (Math.sin(angle) + (Math.PI - angle) * Math.cos(angle)) / Math.PI;
  },
};
// The r-th function of the prior, at x.
function prior(data, kernel, x, l, r) {
  if (kernel === "bell") {
    const [w, b] = [data.frequency[r], data.phase[r]];
    return Math.sqrt(2 / w.length) * w.reduce((s, v, i) => s + Math.cos(x / l * v + b[i]), 0);
  }
  const [w, b, a] = data.units[r];
  return Math.sqrt(2 / w.length) * w.reduce((s, v, i) => s + Math.max(x / l * v + b[i], 0) * a[i], 0);
}
// The lower Cholesky factor of A, and the solution of L z = b.
function cholesky(A) {
  const L = A.map(row => row.map(() => 0));
  for (let i = 0; i < A.length; i++) for (let j = 0; j <= i; j++) {
    let s = A[i][j];
    for (let k = 0; k < j; k++) s -= L[i][k] * L[j][k];
    L[i][j] = i === j ? Math.sqrt(s) : s / L[j][j];
  }
  return L;
}
function forward(L, b) {
  const z = [];
  b.forEach((v, i) => z.push((v - z.reduce((s, u, k) => s + L[i][k] * u, 0)) / L[i][i]));
  return z;
}
const dot = (u, v) => u.reduce((s, x, i) => s + x * v[i], 0);

function compute(data, { looks, length, noise, kernel }) {
  const k = (x, z) => KERNELS[kernel](x, z, length), xs = looks.map(p => p[0]);
  const L = cholesky(xs.map((x, i) => xs.map((z, j) => k(x, z) + (i === j ? noise * noise : 0))));
  const seen = forward(L, looks.map(p => p[1]));
  const misses = data.noise.map((eps, r) => forward(L, looks.map(([x, y], i) =>
    y - prior(data, kernel, x, length, r) - noise * eps[i])));
  const columns = data.grid.map(x => forward(L, xs.map(z => k(z, x))));
  const mean = columns.map(c => dot(c, seen));
  const sd = columns.map((c, i) => Math.sqrt(Math.max(k(data.grid[i], data.grid[i]) - dot(c, c), 0)));
  const draws = misses.map((miss, r) => columns.map((c, i) =>
    prior(data, kernel, data.grid[i], length, r) + dot(c, miss)));
  const logs = L.reduce((s, row, i) => s + Math.log(row[i]), 0);
  return [mean, sd, draws, -dot(seen, seen) / 2 - logs - looks.length / 2 * Math.log(2 * Math.PI)];
}

// From here on what is seen: a map of WIDE x HIGH units, x from -3 to 3, y from -3 to 3.
const WIDE = 480, HIGH = 280, LOW = [-3, -3], TOP = [3, 3], MOST = 12;
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const CSS = `
.process { --band: #56b4e9; --draw: #0072b2; --mean: #d55e00;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); font-size: .9rem; }
html[data-theme="dark"] .process, [data-jp-theme-light="false"] .process { --draw: #8cc8f0;
  --mean: #ff8c42; }
.process > *, .process label { display: flex; flex-wrap: wrap; align-items: center;
  gap: .4rem 1.2rem; margin: .3rem 0; padding: 0; }
.process :is(button, select) { font: inherit; color: inherit; background: #8882; cursor: pointer;
  border: 1px solid #8888; border-radius: .4rem; padding: .3rem .8rem; }
.process select option { color: #16191d; background: #fff; }
.process svg { width: 100%; display: block; user-select: none; overflow: hidden; }
.process text { fill: currentColor; font-size: 14px; text-anchor: middle; }
.process .axis { stroke: currentColor; stroke-opacity: .45; fill: none; }
.process .band { fill: var(--band); fill-opacity: .3; }
.process .draw { fill: none; stroke: var(--draw); stroke-width: 1.2; }
.process .mean { fill: none; stroke: var(--mean); stroke-width: 2.6; }
.process .point { cursor: grab; touch-action: none; outline: none; }
.process .reach { fill: transparent; }
.process .dot { fill: currentColor; stroke: var(--pst-color-background, #fff); stroke-width: 1.5; }
.process .point:focus-visible .dot { stroke: var(--mean); stroke-width: 5; }
.process output { min-width: 2.5rem; }`;
const show = v => v.toFixed(2).replace("-", "−");
const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
const toMap = ([x, y]) => [WIDE * (x + 3) / 6, HIGH * (3 - y) / 6].map(v => +v.toFixed(1));
const range = (name, words, low, high, step) => `<label>${words} <input type="range" name="${name}"
  min="${low}" max="${high}" step="${step}"><output></output></label>`;
const HTML = `<style>${CSS}</style><div class="process" role="group"><div><label>kernel <select>
  <option value="bell">Gaussian</option><option value="network">wide network</option></select></label>
  ${range("length", "length ℓ", 0.2, 3, 0.05)}${range("noise", "noise σ", 0.05, 1, 0.05)}</div>
  <svg viewBox="0 0 ${WIDE} ${HIGH + 22}"><path class="axis" d="M0 ${HIGH / 2}H${WIDE}M0 ${HIGH}H${WIDE}"/>
  ${[-2, -1, 0, 1, 2].map(x => `<text x="${toMap([x, 0])[0]}" y="${HIGH + 17}">${`${x}`.replace("-", "−")}</text>`).join("")}
  <g class="fitted"></g><g class="points"></g></svg>
  <div><button type="button">look where it is least known</button><button type="button">forget one</button>
  <button type="button">put back</button><span class="said" role="status"></span></div></div>`;

function render({ model, el }) {
  el.innerHTML = HTML;
  const $ = selector => el.querySelector(selector), given = model.get("data"), svg = $("svg");
  $(".process").ariaLabel = model.get("alt");
  const [add, forget, back] = el.querySelectorAll("button"), select = $("select");
  const ranges = [...el.querySelectorAll("input")];
  let looks, widest;
  const draw = () => {
    const state = { looks, kernel: select.value };
    for (const input of ranges) {
      state[input.name] = +input.value;
      input.ariaValueText = input.nextElementSibling.textContent = show(+input.value);
    }
    const [mean, sd, draws, evidence] = compute(given, state);
    const curve = values => `M${values.map((v, i) => toMap([given.grid[i], clamp(v, -99, 99)])).join("L")}`;
    const [up, down] = [1.96, -1.96].map(z => mean.map((m, i) => m + z * sd[i]));
    const low = down.map((v, i) => toMap([given.grid[i], v])).reverse();
    $(".fitted").innerHTML = `<path class="band" d="${curve(up)}L${low.join("L")}z"/>`
      + draws.map(values => `<path class="draw" d="${curve(values)}"/>`).join("")
      + `<path class="mean" d="${curve(mean)}"/>`;
    widest = sd.indexOf(Math.max(...sd));
    $(".said").textContent = `log probability of the ${looks.length} observations: ${show(evidence)}`;
    el.querySelectorAll(".point").forEach((grip, i) => {
      grip.setAttribute("transform", `translate(${toMap(looks[i])})`);
      Object.assign(grip, { ariaValueNow: looks[i][0],
        ariaValueText: `x ${show(looks[i][0])}, y ${show(looks[i][1])}` });
    });
    add.disabled = looks.length >= MOST;
    forget.disabled = looks.length < 2;
  };
  const move = (i, p) => {
    looks[i] = p.map((v, k) => clamp(v, LOW[k] + 0.05, TOP[k] - 0.05));
    draw();
  };
  const points = () => { // as many grips as observations
    $(".points").innerHTML = looks.map((_, i) => `<g class="point" tabindex="0" role="slider"
      aria-label="observation ${i + 1}" aria-valuemin="-3" aria-valuemax="3"><circle class="reach"
      r="20"/><circle class="dot" r="6.5"/></g>`).join("");
    el.querySelectorAll(".point").forEach((grip, i) => {
      grip.dataset.lmSuppressShortcuts = true;
      grip.onpointerdown = ({ pointerId }) => grip.setPointerCapture(pointerId);
      grip.onpointermove = ({ buttons, clientX, clientY }) => {
        if (!buttons) return;
        const { x, y, width } = svg.getBoundingClientRect(), unit = WIDE / width;
        move(i, [(clientX - x) * unit / WIDE * 6 - 3, 3 - (clientY - y) * unit / HIGH * 6]);
      };
      grip.onkeydown = event => {
        const way = WAYS[event.key], by = event.shiftKey ? 0.5 : 0.1;
        if (!way) return;
        event.preventDefault();
        move(i, looks[i].map((v, k) => v + way[k] * by));
      };
    });
    draw();
  };
  const reset = () => {
    looks = structuredClone(given.state.looks);
    select.value = given.state.kernel;
    for (const input of ranges) input.value = given.state[input.name];
    points();
  };
  add.onclick = () => {
    const x = clamp(given.grid[widest], -2.9, 2.9);
    looks = [...looks, [x, 0]];
    points();
    el.querySelectorAll(".point")[looks.length - 1].focus();
  };
  forget.onclick = () => { looks = looks.slice(0, -1); points(); };
  back.onclick = reset;
  for (const input of [...ranges, select]) {
    input.dataset.lmSuppressShortcuts = true;
    input.oninput = draw;
  }
  reset();
}

export default { compute, render };
