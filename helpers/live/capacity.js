// A linear classifier on p random features meets points in the plane, a share of whose labels
// are thrown by coins; training error, test error and bound against p.
//
// data = { X, y, new, newY, w, throws, features, bounds, open }: points (n, 2) and labels ±1,
// new points, rows (w1, w2, b) of the features tanh(w·x + b), the first of which is 1; throws
// (8, n): example i is thrown if |u| < share, and then is the sign of u. bounds: on the gap.
// compute(data, { share, throw, k }) = [training errors, test errors, five scores]: one error
// for each of data.features; the scores of the first five new points with features[k].
const fits = new WeakMap(); // for each data: by p, what does not depend on the labels
function features(points, w, p) {
  return points.map(([x, y]) => w.slice(0, p)
    .map(([u, v, b], j) => j ? Math.tanh(u * x + v * y + b) : 1));
}
const dot = (a, b) => { let s = 0; for (let i = 0; i < a.length; i++) s += a[i] * b[i]; return s; };
const transposed = A => A[0].map((_, j) => A.map(row => row[j]));
function cholesky(A) { // the lower triangle L of A = L Lᵀ, in place
  for (let i = 0; i < A.length; i++) for (let j = 0; j <= i; j++) {
    let s = A[i][j];
    for (let k = 0; k < j; k++) s -= A[i][k] * A[j][k];
    A[i][j] = i === j ? Math.sqrt(s) : s / A[j][j];
  }
  return A;
}
function solve(L, b) { // L Lᵀ x = b
  const x = [...b], n = x.length;
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= L[i][k] * x[k];
    x[i] /= L[i][i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= L[k][i] * x[k];
    x[i] /= L[i][i];
  }
  return x;
}
function prepared(data, p) { // the smaller of the two Gram matrices, factored
  if (!fits.has(data)) fits.set(data, {});
  const kept = fits.get(data);
  if (kept[p]) return kept[p];
  const Phi = features(data.X, data.w, p), columns = transposed(Phi);
  const wide = p > Phi.length, rows = wide ? Phi : columns;
  const gram = rows.map((a, i) => rows.slice(0, i + 1)
    .map((b, j) => dot(a, b) + (i === j ? 5e-7 * p : 0)));
  return kept[p] = { Phi, columns, wide, L: cholesky(gram),
    fresh: features(data.new, data.w, p) };
}
const labels = (data, { share, throw: t }) => data.y
  .map((y, i) => Math.abs(data.throws[t][i]) < share ? (data.throws[t][i] < 0 ? -1 : 1) : y);
function weights(data, told, p) {
  const { columns, wide, L } = prepared(data, p);
  if (!wide) return solve(L, columns.map(c => dot(c, told)));
  const alpha = solve(L, told);
  return columns.map(c => dot(c, alpha));
}
const wrong = (rows, theta, y) =>
  rows.filter((row, i) => (dot(row, theta) > 0) !== (y[i] > 0)).length / rows.length;
function compute(data, state) {
  const told = labels(data, state), seen = [], fresh = [];
  let five;
  data.features.forEach((p, k) => {
    const theta = weights(data, told, p), fit = prepared(data, p);
    seen.push(wrong(fit.Phi, theta, told));
    fresh.push(state.share / 2 + (1 - state.share) * wrong(fit.fresh, theta, data.newY));
    if (k === state.k) five = fit.fresh.slice(0, 5).map(row => dot(row, theta));
  });
  return [seen, fresh, five];
}

const SIDE = 300, CELLS = 60, WIDE = 340, HIGH = 260;
const CSS = `
.capacity { --minus: #0072b2; --plus: #c94f00; --bound: #6b7280; font-size: .9rem;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); }
html[data-theme="dark"] .capacity, [data-jp-theme-light="false"] .capacity {
  --minus: #56b4e9; --plus: #f0883e; --bound: #a3abb8; }
.capacity > * { display: flex; flex-wrap: wrap; gap: .5rem 1.2rem; align-items: center;
  margin: .3rem 0; }
.capacity label { display: flex; gap: .5rem; align-items: center; }
.capacity input { width: 9rem; accent-color: var(--minus); }
.capacity button { font: inherit; color: inherit; background: #8882; cursor: pointer;
  border: 1px solid #8888; border-radius: .4rem; padding: .3rem .8rem; }
.capacity .views > svg { flex: 1 1 17rem; min-width: 0; max-width: 26rem; }
.capacity text { fill: currentColor; font-size: 12px; }
.capacity path { fill: none; stroke-width: 2.2; }
.capacity .axis { stroke: currentColor; stroke-opacity: .5; stroke-width: 1; }
.capacity .chart { cursor: ew-resize; touch-action: pan-y; user-select: none; }`;
const HTML = `<style>${CSS}</style><div class="capacity" role="group">
  <div><label>labels thrown <input type="range" name="share" min="0" max="100" step="5"></label>
  <label>features <input type="range" name="k" min="0" step="1"></label>
  <button type="button">throw again</button></div>
  <div class="views"><svg class="plane" viewBox="-4 -4 ${SIDE + 8} ${SIDE + 8}" role="img"
  aria-label="points and regions"></svg><svg class="chart" viewBox="-34 -14 ${WIDE + 44}
  ${HIGH + 76}" role="img" aria-label="errors against the number of features"></svg></div>
  <div role="status"></div></div>`;

function render({ model, el }) {
  el.innerHTML = HTML;
  const data = model.get("data"), state = { ...data.open }, $ = s => el.querySelector(s);
  const [share, k, again] = [$("[name=share]"), $("[name=k]"), $("button")];
  const chart = $(".chart"), plane = $(".plane"), last = data.features.length - 1;
  const canvas = Object.assign(document.createElement("canvas"), { width: CELLS, height: CELLS });
  $(".capacity").ariaLabel = model.get("alt");
  k.max = last;
  const middle = i => 2 * (i + 0.5) / CELLS - 1;
  const cells = Array.from({ length: CELLS ** 2 },
    (_, i) => [middle(i % CELLS), -middle(Math.floor(i / CELLS))]);
  const ground = {}; // the features of the cells, by p
  const across = i => i / last * WIDE, up = v => HIGH * (1 - Math.min(v, 1.04));
  const line = (values, style) => `<path style="${style}" d="M${values
    .map((v, i) => [across(i), up(v)]).join("L")}"/>`;
  const percent = v => `${(100 * v).toFixed(1)} %`;
  const draw = () => {
    const p = data.features[state.k], told = labels(data, state), theta = weights(data, told, p);
    const [seen, fresh] = compute(data, state), bound = seen.map((v, i) => v + data.bounds[i]);
    ground[p] ??= features(cells, data.w, p);
    const pen = canvas.getContext("2d"), image = pen.createImageData(CELLS, CELLS);
    ground[p].forEach((row, i) => image.data.set(
      dot(row, theta) > 0 ? [230, 120, 30, 95] : [30, 130, 200, 95], 4 * i));
    pen.putImageData(image, 0, 0);
    const dots = data.X.map(([x, y], i) => {
      const [u, v] = [(x + 1) * SIDE / 2, (1 - y) * SIDE / 2];
      const colour = `fill:var(--${told[i] > 0 ? "plus" : "minus"});stroke:`
        + (told[i] === data.y[i] ? "#fff;stroke-width:.8" : "currentColor;stroke-width:2");
      return told[i] > 0 ? `<rect x="${u - 4}" y="${v - 4}" width="8" height="8"
        style="${colour}"/>` : `<circle cx="${u}" cy="${v}" r="4.5" style="${colour}"/>`;
    });
    plane.innerHTML = `<image width="${SIDE}" height="${SIDE}" preserveAspectRatio="none"
      style="image-rendering:pixelated" href="${canvas.toDataURL()}"/>${dots.join("")}`;
    const ticks = [0, 0.5, 1].map(v => `<path class="axis" d="M-4 ${up(v)}H${v === 0.5 ? WIDE : 0
      }"/><text x="-8" y="${up(v) + 4}" text-anchor="end">${v}</text>`);
    const names = data.features.map((f, i) => i % 2 ? "" : `<text x="${across(i)}"
      y="${HIGH + 16}" text-anchor="middle">${f}</text>`);
    const key = [["— training", "--minus"], ["— test", "--plus"], ["– – bound", "--bound"]].map(([name,
      c], i) => `<text x="${95 + 85 * i}" y="${HIGH + 54}" style="fill:var(${c})">${name}</text>`);
    chart.innerHTML = `<path class="axis" d="M0 0V${HIGH}H${WIDE}"/>${ticks.join("")}
      ${names.join("")}${key.join("")}<text x="${WIDE / 2}" y="${HIGH + 34}"
      text-anchor="middle">features p (200 examples)</text>
      <path class="axis" style="stroke-width:2" d="M${across(state.k)} 0V${HIGH}"/>
      ${line(bound, "stroke:var(--bound);stroke-dasharray:6 4")}
      ${line(seen, "stroke:var(--minus)")}${line(fresh, "stroke:var(--plus)")}`;
    share.value = 100 * state.share;
    k.value = state.k;
    share.ariaValueText = `${share.value} % of the labels`;
    k.ariaValueText = `${p} features`;
    $("[role=status]").textContent = `${share.value} % thrown, ${p} features: training error ${
      percent(seen[state.k])}, test error ${percent(fresh[state.k])}, bound ${
      bound[state.k] > 1 ? "says nothing" : percent(bound[state.k])}`;
  };
  share.oninput = () => { state.share = share.value / 100; draw(); };
  k.oninput = () => { state.k = +k.value; draw(); };
  again.onclick = () => { state.throw = (state.throw + 1) % data.throws.length; draw(); };
  const follow = ({ clientX }) => {
    const at = chart.createSVGPoint();
    at.x = clientX;
    const x = at.matrixTransform(chart.getScreenCTM().inverse()).x;
    state.k = Math.max(0, Math.min(last, Math.round(x / WIDE * last)));
    draw();
  };
  chart.onpointerdown = event => { chart.setPointerCapture(event.pointerId); follow(event); };
  chart.onpointermove = event => event.buttons && follow(event);
  for (const e of el.querySelectorAll("input")) e.dataset.lmSuppressShortcuts = true;
  draw();
}

export default { compute, render };
