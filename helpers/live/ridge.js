// Ridge regression of waves through points that one drags, and below it the error against the
// truth for every penalty, on which one drags the penalty.
//
// data is the state it opens with, state = { points: [[x, y], …], penalty, waves }, where
// penalty is the power of ten of lambda; compute(data, state) = [fit, [df, error, training
// error], risk, leaveOneOut]: the fit at DAY, the last two for every power of ten in POWERS.
const DAY = Array.from({ length: 120 }, (_, i) => (i + 0.5) / 120);
const POWERS = Array.from({ length: 36 }, (_, i) => -5 + i * 7 / 35);
const truth = x => x % 1 < 0.5 ? 1 : -1;
const mean = v => v.reduce((a, b) => a + b, 0) / v.length;
const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);

// A constant, then cosine and sine of k = 1, 2, … turns, divided by k.
const waves = (x, P) => Array.from({ length: P }, (_, j) => {
  const k = (j + 1) >> 1, angle = 2 * Math.PI * k * x;
  return (j % 2 || !k ? Math.cos(angle) : Math.sin(angle)) / Math.max(k, 1);
});

// Eigenvalues and eigenvectors (rows) of a symmetric matrix: Jacobi's rotations.
function eigen(A) {
  const n = A.length, M = A.map(row => [...row]);
  const V = M.map((_, i) => M.map((_, j) => +(i === j)));
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) {
      off += M[p][q] ** 2;
      if (Math.abs(M[p][q]) < 1e-300) continue;
      const theta = (M[q][q] - M[p][p]) / (2 * M[p][q]);
      const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
      const c = 1 / Math.hypot(t, 1), s = t * c;
      for (let k = 0; k < n; k++)
        [M[k][p], M[k][q]] = [c * M[k][p] - s * M[k][q], s * M[k][p] + c * M[k][q]];
      for (let k = 0; k < n; k++)
        [M[p][k], M[q][k]] = [c * M[p][k] - s * M[q][k], s * M[p][k] + c * M[q][k]];
      for (let k = 0; k < n; k++)
        [V[p][k], V[q][k]] = [c * V[p][k] - s * V[q][k], s * V[p][k] + c * V[q][k]];
    }
    if (off < 1e-28) break;
  }
  return [M.map((row, i) => row[i]), V];
}

const onDay = {}; // the waves at DAY, kept for each number of waves
function compute(data, { points, penalty, waves: P }) {
  const A = points.map(([x]) => waves(x, P)), y = points.map(p => p[1]);
  const B = onDay[P] ??= DAY.map(x => waves(x, P));
  const [values, vectors] = eigen(A.map(a => A.map(b => dot(a, b))));
  const h = values.map(v => Math.max(v, 0)), c = vectors.map(v => dot(v, y));
  const project = vectors.map(v => A[0].map((_, j) => dot(v, A.map(a => a[j]))));
  const modes = B.map(b => project.map(v => dot(b, v))); // (day, n)
  const solve = power => {
    const lam = 10 ** power, share = c.map((v, i) => v / (h[i] + lam));
    const fit = modes.map(row => dot(row, share));
    const left = points.map((_, j) => lam * dot(vectors.map(v => v[j]), share));
    const free = points.map((_, j) =>
      vectors.reduce((sum, v, i) => sum + v[j] ** 2 * lam / (h[i] + lam), 0));
    return { fit, df: h.reduce((sum, v) => sum + v / (v + lam), 0),
      error: mean(fit.map((f, i) => (f - truth(DAY[i])) ** 2)),
      training: mean(left.map(r => r * r)),
      loo: mean(left.map((r, j) => (r / free[j]) ** 2)) };
  };
  const now = solve(penalty), all = POWERS.map(solve);
  return [now.fit, [now.df, now.error, now.training], all.map(s => s.error),
    all.map(s => s.loo)];
}

// From here on what is seen: two panels of WIDE units, one above the other.
const WIDE = 640, HIGH = 250, LOW = 170, TOP = 2.2, DECADES = [-2.3, 1];
const COUNTS = [5, 12, 40, 200];
const CSS = `
.ridge { --fit: #d55e00; --mark: #0072b2; --soft: #808080;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); font-size: .9rem; }
html[data-theme="dark"] .ridge, [data-jp-theme-light="false"] .ridge { --mark: #56b4e9;
  --soft: #a0a0a0; }
.ridge > div { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.2rem;
  margin: .4rem 0; }
.ridge label { display: flex; align-items: center; gap: .5rem; }
.ridge :is(select, button) { font: inherit; color: inherit; background: #8882;
  cursor: pointer; border: 1px solid #8888; border-radius: .4rem; padding: .3rem .8rem; }
.ridge svg { width: 100%; height: auto; display: block; overflow: visible;
  user-select: none; }
.ridge text { fill: currentColor; font-size: 14px; }
.ridge path { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
.ridge .fit { stroke: var(--fit); } .ridge .now { stroke: var(--mark); }
.ridge .soft { stroke: var(--soft); } .ridge .dotted { stroke-dasharray: 3 5; }
.ridge .axis { stroke: currentColor; stroke-width: 1; stroke-opacity: .6; }
.ridge .grip { cursor: grab; touch-action: none; outline: none; }
.ridge .grip .pad { fill: transparent; }
.ridge .knob { fill: currentColor; stroke: var(--pst-color-background, #fff); }
.ridge .level .knob { fill: var(--mark); }
.ridge [data-panel=fit] { overflow: hidden; }
@media (max-width: 40rem) { .ridge text { font-size: 22px; } .ridge .knob { r: 11px; } }
.ridge .grip:focus-visible .knob { stroke: var(--mark); stroke-width: 4; }`;
const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
const fixed = (v, n) => v.toFixed(n).replace("-", "−");
const atX = x => WIDE * x, atY = y => HIGH * (1 - (y + TOP) / (2 * TOP));
const atPower = p => WIDE * (p + 5) / 7;
const atError = e => LOW * (1 - (clamp(Math.log10(e), ...DECADES) - DECADES[0])
  / (DECADES[1] - DECADES[0]));
const line = points => "M" + points.map(p => p.map(v => v.toFixed(1))).join("L");
const grip = (k, label, r) => `<g class="grip ${k < 0 ? "level" : ""}" data-k="${k}"
  tabindex="0" role="slider" aria-label="${label}" aria-valuemin="${k < 0 ? -5 : -TOP}"
  aria-valuemax="${k < 0 ? 2 : TOP}"><circle class="pad" r="24"/>
  <circle class="knob" r="${r}"/></g>`;
const tick = (x, y, words, anchor = "middle") =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
const power = p => `10<tspan dy="-5" font-size="10">${fixed(p, 0)}</tspan>`;
const html = n => `<style>${CSS}</style><div class="ridge" role="group">
  <div><label>waves <select>${COUNTS.map(P => `<option>${P}</option>`).join("")}</select>
  </label><button type="button">points as they were</button></div>
  <svg data-panel="fit" viewBox="-34 -8 ${WIDE + 50} ${HIGH + 36}">
  <path class="axis" d="M0 0V${HIGH}H${WIDE}"/>
  <path class="soft dotted" d="M0 ${atY(1)}H${WIDE / 2}V${atY(-1)}H${WIDE}"/>
  <path class="fit"/>${tick(WIDE / 2, HIGH + 22, "time of day")}
  ${[-1, 0, 1].map(v => tick(-8, atY(v) + 5, fixed(v, 0), "end")).join("")}
  ${Array.from({ length: n }, (_, k) => grip(k, `point ${k + 1}`, 6)).join("")}</svg>
  <svg data-panel="risk" viewBox="-34 -12 ${WIDE + 50} ${LOW + 44}">
  <path class="axis" d="M0 0V${LOW}H${WIDE}"/><path class="soft"/><path class="fit"/>
  <path class="now"/>${[-5, -3, -1, 1].map(p => tick(atPower(p), LOW + 22, power(p))).join("")}
  ${tick(WIDE, LOW + 22, "λ")}
  ${[0.01, 0.1, 1, 10].map(e => tick(-6, atError(e) + 5, e, "end")).join("")}
  ${grip(-1, "penalty, power of ten", 8)}</svg><div role="status"></div></div>`;

function render({ model, el }) {
  const given = model.get("data"), $ = selector => el.querySelector(selector);
  const copy = () => given.points.map(p => [...p]);
  el.innerHTML = html(given.points.length);
  $(".ridge").ariaLabel = model.get("alt");
  const select = $("select"), panel = name => $(`[data-panel=${name}]`);
  let points = copy(), penalty = given.penalty;
  select.value = given.waves;
  const draw = () => {
    const state = { points, penalty, waves: +select.value };
    const [fit, [df, error, training], risk, loo] = compute(given, state);
    panel("fit").querySelector(".fit").setAttribute("d",
      line(fit.map((f, i) => [atX(DAY[i]), atY(clamp(f, -2 * TOP, 2 * TOP))])));
    const over = v => line(v.map((e, i) => [atPower(POWERS[i]), atError(e)]));
    panel("risk").querySelector(".fit").setAttribute("d", over(risk));
    panel("risk").querySelector(".soft").setAttribute("d", over(loo));
    panel("risk").querySelector(".now").setAttribute("d", `M${atPower(penalty)} 0V${LOW}`);
    for (const g of el.querySelectorAll(".grip")) {
      const k = +g.dataset.k, [x, y] = points[k] ?? [];
      const at = k < 0 ? [atPower(penalty), atError(error)] : [atX(x), atY(y)];
      g.setAttribute("transform", `translate(${at})`);
      g.ariaValueNow = k < 0 ? penalty.toFixed(2) : y.toFixed(2);
      g.ariaValueText = k < 0 ? `λ = ten to the ${fixed(penalty, 2)}, error ${fixed(error, 3)}`
        : `at ${fixed(x, 2)} measured ${fixed(y, 2)}`;
    }
    $("[role=status]").textContent = `λ = ${(10 ** penalty).toPrecision(2)} · `
      + `${fixed(df, 1)} effective degrees of freedom · training error ${fixed(training, 3)}`
      + ` · against the truth ${fixed(error, 3)} (red; grey: leave one out)`;
  };
  const move = (k, x, y) => { // x in units of the panel
    if (k < 0) penalty = clamp(x / WIDE * 7 - 5, -5, 2);
    else points[k] = [clamp(x / WIDE, 0, 0.999), clamp((1 - y / HIGH) * 2 * TOP - TOP, -TOP, TOP)];
    draw();
  };
  for (const g of el.querySelectorAll(".grip")) {
    const k = +g.dataset.k, svg = g.ownerSVGElement;
    g.dataset.lmSuppressShortcuts = true;
    g.onpointerdown = ({ pointerId }) => g.setPointerCapture(pointerId);
    g.onpointermove = event => {
      if (!event.buttons) return;
      const p = new DOMPoint(event.clientX, event.clientY)
        .matrixTransform(svg.getScreenCTM().inverse());
      move(k, p.x, p.y);
    };
    g.onkeydown = event => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
        ArrowDown: [0, 1] }[event.key], by = event.shiftKey ? 24 : 6;
      if (!way) return;
      event.preventDefault();
      const [x, y] = k < 0 ? [atPower(penalty), 0] : [atX(points[k][0]), atY(points[k][1])];
      const along = k < 0 ? way[0] - way[1] : way[0]; // up raises the penalty
      move(k, x + by * along, y + by * way[1]);
    };
  }
  select.dataset.lmSuppressShortcuts = true;
  select.oninput = draw;
  $("button").onclick = () => { points = copy(); draw(); };
  draw();
}

export default { compute, render };
