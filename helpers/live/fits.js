// Points that one drags, and what four losses make of them: least squares, ridge, lasso and
// the median line on numbers; the logistic curve and the line with a threshold on classes.
//
// data is the state it opens with, state = { numbers: [[x, y], …], classes: [[x, c], …] with
// c = 0 or 1, lambda }; compute(data, state) = six pairs: slope and intercept of the METHODS
// on the numbers, of least squares on the labels ±1, and of the logistic score.
const METHODS = ["least squares", "ridge", "lasso", "median line"];
const mean = v => v.reduce((a, b) => a + b, 0) / v.length;

// The line whose slope is slope(Sxy, Sxx), through the centre of the points.
function line(points, slope) {
  const [mx, my] = [0, 1].map(k => mean(points.map(p => p[k])));
  const sum = f => points.reduce((s, [x, y]) => s + f(x - mx, y - my), 0);
  const a = slope(sum((x, y) => x * y), Math.max(sum(x => x * x), 1e-9));
  return [a, my - a * mx];
}

// Least absolute deviations: some best line passes through two of the points.
function medianLine(points) {
  let best = [Infinity, 0, 0];
  points.forEach(([x, y], i) => points.slice(i + 1).forEach(([u, v]) => {
    if (Math.abs(u - x) < 1e-9) return;
    const a = (v - y) / (u - x), b = y - a * x;
    const loss = points.reduce((s, [p, q]) => s + Math.abs(q - a * p - b), 0);
    if (loss < best[0]) best = [loss, a, b];
  }));
  return best.slice(1);
}

// Newton's method, damped, for the coins' surprise + lambda a² / 2 in the score a x + b.
function logistic(points, lambda) {
  const loss = ([a, b]) => points.reduce((s, [x, c]) => {
    const u = (1 - 2 * c) * (a * x + b);
    return s + Math.max(u, 0) + Math.log1p(Math.exp(-Math.abs(u)));
  }, lambda * a * a / 2);
  let w = [0, 0];
  for (let t = 0; t < 60; t++) {
    let [ga, gb, haa, hab, hbb] = [lambda * w[0], 0, lambda, 0, 1e-12];
    for (const [x, c] of points) {
      const p = 1 / (1 + Math.exp(-w[0] * x - w[1])), s = p * (1 - p);
      [ga, gb] = [ga + (p - c) * x, gb + p - c];
      [haa, hab, hbb] = [haa + s * x * x, hab + s * x, hbb + s];
    }
    const det = haa * hbb - hab * hab;
    const step = [(hbb * ga - hab * gb) / det, (haa * gb - hab * ga) / det];
    const promise = step[0] * ga + step[1] * gb, at = eta => w.map((v, i) => v - eta * step[i]);
    let eta = 1;
    while (eta > 1e-9 && loss(at(eta)) > loss(w) - eta / 4 * promise + 1e-12) eta /= 2;
    w = at(eta);
    if (promise < 1e-20) break;
  }
  return w;
}

function compute(data, { numbers, classes, lambda }) {
  const soft = v => Math.sign(v) * Math.max(Math.abs(v) - lambda, 0);
  return [line(numbers, (xy, xx) => xy / xx), line(numbers, (xy, xx) => xy / (xx + lambda)),
    line(numbers, (xy, xx) => soft(xy) / xx), medianLine(numbers),
    line(classes.map(([x, c]) => [x, 2 * c - 1]), (xy, xx) => xy / xx),
    logistic(classes, lambda)];
}

// From here on what is seen: two maps of WIDE x HIGH units with the axes' ranges in BOXES.
const WIDE = 360, HIGH = 270, BOXES = { numbers: [[-4, -4], [4, 4]], classes: [[-4, -0.4], [12, 1.4]] };
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const DASHES = ["", "9 4", "2 4", "12 4 2 4"];
const CSS = `
.fits { --c0: #0072b2; --c1: #009e73; --c2: #b07400; --c3: #d55e00;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); font-size: .9rem; }
html[data-theme="dark"] .fits, [data-jp-theme-light="false"] .fits { --c0: #56b4e9; --c1: #2fc39b;
  --c2: #e69f00; --c3: #ff8c42; }
.fits > *, .fits :is(label, li) { display: flex; flex-wrap: wrap; align-items: center;
  gap: .4rem 1rem; margin: .3rem 0; padding: 0; }
.fits button { font: inherit; color: inherit; background: #8882; cursor: pointer;
  border: 1px solid #8888; border-radius: .4rem; padding: .3rem .8rem; }
.fits .maps { align-items: flex-start; } .fits .maps > * { flex: 1 1 18rem; }
.fits ul { margin: 0; padding: 0; } .fits li { flex-wrap: nowrap; margin: .1rem 0; gap: .6rem; }
.fits li svg { width: 2.4rem; height: 1rem; flex: none; }
.fits [data-map] { width: 100%; user-select: none; overflow: hidden; display: block; }
.fits text { fill: currentColor; font-size: 13px; text-anchor: middle; }
.fits .axis { stroke: currentColor; stroke-opacity: .45; fill: none; }
.fits .fit { fill: none; stroke: var(--c); stroke-width: 2.4; }
.fits .point { cursor: grab; touch-action: none; outline: none; }
.fits .point .reach { fill: transparent; }
.fits .point .dot { fill: currentColor; stroke: var(--pst-color-background, #fff); stroke-width: 1.5; }
.fits .point.last .dot { fill: #cc4b8e; }
.fits .point:focus-visible .dot { stroke: var(--c0); stroke-width: 5; }`;
const show = v => (Math.abs(v) >= 100 ? v.toFixed(0) : v.toFixed(2)).replace("-", "−");
const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
const toMap = ([low, high], [x, y]) => [WIDE * (x - low[0]) / (high[0] - low[0]),
  HIGH * (1 - (y - low[1]) / (high[1] - low[1]))];
const key = (k, name, words) => `<li style="--c: var(--c${k})"><svg viewBox="0 0 40 12">
  <path class="fit" stroke-dasharray="${DASHES[k]}" d="M0 6H40"/></svg><span><b>${name}</b> ${words}</span></li>`;
const axes = name => {
  const [[left, low], [right, high]] = BOXES[name], ticks = [];
  for (let x = Math.ceil(left / 2) * 2; x <= right; x += 2) ticks.push([x, 0]);
  const [zx, zy] = toMap(BOXES[name], [0, 0]), top = toMap(BOXES[name], [0, 1])[1];
  return `<path class="axis" d="M0 ${zy}H${WIDE}M${zx} 0V${HIGH}${
    name === "classes" ? `M0 ${top}H${WIDE}` : ""}"/>` + ticks.map(tick => {
    const [x, y] = toMap(BOXES[name], tick);
    return `<text x="${clamp(x, 10, WIDE - 10)}" y="${y + 16}">${show(tick[0]).replace(".00", "")}</text>`;
  }).join("") + (name === "classes" ? `<text x="${WIDE - 30}" y="${top - 10}">class 1</text>
    <text x="${WIDE - 30}" y="${zy - 8}">class 0</text>` : "");
};
const panel = name => `<div><svg data-map="${name}" viewBox="0 0 ${WIDE} ${HIGH}" role="group"
  aria-label="${name}">${axes(name)}<g class="fitted"></g><g class="points"></g></svg>
  <ul data-key="${name}"></ul></div>`;
const HTML = `<style>${CSS}</style><div class="fits" role="group"><div><label>penalty λ
  <input type="range" min="-2" max="2" step="0.1"><output></output></label>
  <button type="button">put back</button></div><div class="maps">${panel("numbers")}
  ${panel("classes")}</div></div>`;

function render({ model, el }) {
  el.innerHTML = HTML;
  const $ = selector => el.querySelector(selector), given = model.get("data"), range = $("input");
  $(".fits").ariaLabel = model.get("alt");
  let points; // numbers and classes, as they stand
  const draw = () => {
    const lambda = 10 ** +range.value, fits = compute(given, { ...points, lambda });
    range.ariaValueText = $("output").textContent = show(lambda);
    const curve = (name, f, k) => {
      const [[left], [right]] = BOXES[name];
      const d = Array.from({ length: 121 }, (_, i) => left + (right - left) * i / 120)
        .map(x => toMap(BOXES[name], [x, f(x)]).map(v => clamp(v, -1e4, 1e4).toFixed(1)));
      return `<path class="fit" style="--c: var(--c${k})" stroke-dasharray="${DASHES[k]}" d="M${d.join("L")}"/>`;
    };
    const straight = ([a, b]) => x => a * x + b;
    $("[data-map=numbers] .fitted").innerHTML = METHODS.map((_, k) =>
      curve("numbers", straight(fits[k]), k)).join("");
    $("[data-key=numbers]").innerHTML = METHODS.map((name, k) =>
      key(k, name, `slope ${show(fits[k][0])}`)).join("");
    const [[a, b], [u, v]] = fits.slice(4), both = [[0, a, b], [3, u, v]];
    const cuts = both.map(([k, slope, at]) => {
      const [x] = toMap(BOXES.classes, [clamp(-at / slope, -1e4, 1e4) || 0, 0]);
      return `<path class="fit" style="--c: var(--c${k})" stroke-dasharray="${DASHES[k]}" d="M${x} 0V${HIGH}"/>`;
    });
    $("[data-map=classes] .fitted").innerHTML = cuts.join("")
      + curve("classes", x => (1 + a * x + b) / 2, 0)
      + curve("classes", x => 1 / (1 + Math.exp(-u * x - v)), 3);
    const wrong = (slope, at) => points.classes.filter(([x, c]) => (slope * x + at > 0) !== (c > 0.5)).length;
    $("[data-key=classes]").innerHTML = both.map(([k, slope, at]) => key(k,
      k ? "logistic" : "line, cut at ½", `cut ${show(-at / slope)}, ${wrong(slope, at)} wrong`)).join("");
    for (const grip of el.querySelectorAll(".point")) {
      const { name, index } = grip.dataset, p = points[name][index];
      grip.setAttribute("transform", `translate(${toMap(BOXES[name], p)})`);
      Object.assign(grip, { ariaValueNow: p[0], ariaValueText: name === "classes"
        ? `x ${show(p[0])}, class ${p[1]}` : `x ${show(p[0])}, y ${show(p[1])}` });
    }
  };
  const move = (name, index, [x, y]) => {
    const [low, high] = BOXES[name];
    points[name][index] = [clamp(x, low[0], high[0]), name === "classes" ? +(y > 0.5) : clamp(y, low[1], high[1])];
    draw();
  };
  const reset = () => {
    points = structuredClone({ numbers: given.numbers, classes: given.classes });
    range.value = Math.log10(given.lambda);
    draw();
  };
  for (const name of Object.keys(BOXES)) {
    const svg = $(`[data-map=${name}]`), [low, high] = BOXES[name];
    svg.querySelector(".points").innerHTML = given[name].map((_, i) => `<g class="point${
      i === given[name].length - 1 ? " last" : ""}" tabindex="0" role="slider" data-name="${name}"
      data-index="${i}" aria-label="point ${i + 1} of the ${name}" aria-valuemin="${low[0]}"
      aria-valuemax="${high[0]}"><circle class="reach" r="16"/><circle class="dot" r="6"/></g>`).join("");
    svg.querySelectorAll(".point").forEach((grip, i) => {
      grip.dataset.lmSuppressShortcuts = true;
      grip.onpointerdown = ({ pointerId }) => grip.setPointerCapture(pointerId);
      grip.onpointermove = ({ buttons, clientX, clientY }) => {
        const { x, y, width, height } = svg.getBoundingClientRect();
        const at = [(clientX - x) / width, 1 - (clientY - y) / height];
        if (buttons) move(name, i, at.map((v, k) => low[k] + v * (high[k] - low[k])));
      };
      grip.onkeydown = event => {
        const way = WAYS[event.key], by = event.shiftKey ? 0.5 : 0.1;
        if (!way) return;
        event.preventDefault();
        move(name, i, points[name][i].map((v, k) => v + way[k] * (name === "classes" && k ? 1 : by)));
      };
    });
  }
  range.dataset.lmSuppressShortcuts = true;
  range.oninput = draw;
  $("button").onclick = reset;
  reset();
}

export default { compute, render };
