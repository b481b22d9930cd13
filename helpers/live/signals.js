// The plane of weight scale and depth of a random network with erf units: one drags a point;
// beside it the correlation of two inputs and the gradient, layer by layer, as mean-field
// theory has them. Rings on the plane are networks that were trained, filled where it worked.
//
// data = { sw, sb, depth, q, c, trained: [[sw, depth, accuracy], ...] };
// state = { sw, sb, depth }; compute(data, state) = [q of every layer, correlation of every
// layer, log10 of the gradient's mean square at every layer, [slope, chi] at the fixed point].
const DEEP = 3000; // layers after which the map stands still, off the edge
const map = (k, q, sw, sb) =>
  sw * sw * 2 / Math.PI * Math.asin(Math.PI * k / (2 + Math.PI * q)) + sb * sb;
const gain = (q, sw) => sw * sw / Math.sqrt(1 + Math.PI * q);
function still([q, k], sw, sb) { // slope of the map of k, and chi, at the fixed point
  for (let l = 0; l < DEEP; l++) [q, k] = [map(q, q, sw, sb), map(k, q, sw, sb)];
  const c = Math.PI * k / (2 + Math.PI * q);
  return [sw * sw * 2 / ((2 + Math.PI * q) * Math.sqrt(1 - c * c)), gain(q, sw)];
}
function compute(data, { sw, sb, depth }) {
  let q = data.q, k = data.q * data.c;
  const lengths = [q], alike = [k / q];
  for (let l = 0; l < depth; l++) {
    [q, k] = [map(q, q, sw, sb), map(k, q, sw, sb)];
    lengths.push(q);
    alike.push(k / q);
  }
  const back = [0];
  for (let l = depth; l > 0; l--) back.unshift(back[0] + Math.log10(gain(lengths[l], sw)));
  return [lengths, alike, back, still([data.q, data.q * data.c], sw, sb)];
}

// From here on what is seen.
const LOW = 0.5, HIGH = 3, MOST = 64, W = 340, H = 300, PW = 300, PH = 120;
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const CSS = `
.signals { --order: #0072b2; --chaos: #d55e00; --ink: #222; font-size: .9rem;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); }
html[data-theme="dark"] .signals, [data-jp-theme-light="false"] .signals {
  --order: #56b4e9; --chaos: #f08a3c; --ink: #ddd; }
.signals > div { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; align-items: center; }
.signals svg { flex: 1 1 17rem; min-width: 0; width: 17rem; max-width: 26rem; overflow: visible;
  user-select: none; }
.signals .plane { touch-action: none; cursor: crosshair; }
.signals text { fill: currentColor; font-size: 13px; }
.signals .axis { fill: none; stroke: currentColor; stroke-opacity: .5; }
.signals .reach { fill: none; stroke: var(--ink); stroke-width: 2; stroke-dasharray: 6 4; }
.signals .ring { fill: var(--ink); stroke: var(--ink); stroke-width: 1.3; }
.signals .grip { outline: none; cursor: grab; }
.signals .knob { fill: #e69f00; stroke: var(--ink); stroke-width: 2; }
.signals .grip:focus-visible .knob { stroke-width: 6; }
.signals .line { fill: none; stroke-width: 2.5; stroke: var(--c); }
.signals input { vertical-align: middle; width: 10rem; }`;
const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
const toX = sw => (sw - LOW) / (HIGH - LOW) * W, toY = depth => H * (1 - depth / MOST);
const text = (x, y, words, anchor = "middle") =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
const round = (v, n = 3) => `${+v.toPrecision(n)}`.replace("-", "−");

const HTML = `<style>${CSS}</style><div class="signals" role="group"><div>
  <svg class="plane" viewBox="-44 -30 ${W + 60} ${H + 80}"><g class="ground"></g>
  <path class="reach"/><g class="rings"></g><g class="grip" tabindex="0" role="slider"
  aria-label="weight scale and depth" aria-valuemin="${LOW}" aria-valuemax="${HIGH}">
  <circle r="22" fill="transparent"/><circle class="knob" r="8"/></g></svg>
  <svg class="lines" viewBox="-44 -24 ${PW + 60} ${2 * PH + 110}" role="img"></svg></div>
  <div><label>σ<sub>b</sub> <input type="range" min="0" max="0.6" step="0.02"></label>
  <span role="status"></span></div></div>`;

function render({ model, el }) {
  const data = model.get("data");
  el.innerHTML = HTML;
  const $ = selector => el.querySelector(selector), bias = $("input"), grip = $(".grip");
  $(".signals").ariaLabel = model.get("alt");
  bias.value = data.sb;
  let { sw, depth } = data;
  const ground = () => { // columns of the plane: tinted beyond six memory depths
    const n = 100, columns = [];
    for (let i = 0; i <= n; i++) {
      const at = LOW + (HIGH - LOW) * i / n;
      const [slope, chi] = still([data.q, data.q * data.c], at, +bias.value);
      columns.push([at, 6 / Math.abs(Math.log(slope)), chi]);
    }
    const w = W / n;
    $(".ground").innerHTML = columns.slice(0, n).map(([at, reach, chi]) => {
      const top = Math.max(toY(Math.max(reach, 0)), 0), tint = chi < 1 ? "order" : "chaos";
      return `<rect x="${toX(at)}" width="${w}" y="0" height="${top}"
        fill="var(--${tint})" fill-opacity=".28" shape-rendering="crispEdges"/>`;
    }).join("") + `<path class="axis" d="M0 0V${H}H${W}"/>`
      + [1, 1.5, 2, 2.5, 3].map(v => text(toX(v), H + 18, v)).join("")
      + [16, 32, 48, 64].map(v => text(-8, toY(v) + 5, v, "end")).join("")
      + text(W / 2, H + 38, "weight scale σ_w") + text(-30, -14, "depth", "start");
    $(".reach").setAttribute("d",
      "M" + columns.map(([at, reach]) => [toX(at), Math.max(toY(reach), 0)]).join("L"));
    $(".rings").innerHTML = data.trained.map(([at, deep, right]) =>
      `<circle class="ring" cx="${toX(at)}" cy="${toY(deep)}" r="6" fill-opacity="${right}">
      <title>${Math.round(100 * right)} %</title></circle>`).join("");
  };
  const plot = (values, low, high, y, title, colour) => {
    const n = Math.max(values.length - 1, 1), place = v =>
      y + PH * (1 - (clamp(v, low, high) - low) / (high - low));
    const way = values.map((v, l) => [PW * l / n, place(v)]).join("L");
    return `<path class="axis" d="M0 ${y}v${PH}h${PW}"/>${text(0, y - 8, title, "start")}
      ${text(-6, y + 6, low < 0 ? `10<tspan dy="-5" font-size="10">${high}</tspan>` : high, "end")}
      ${text(-6, y + PH + 4, low < 0
        ? `10<tspan dy="-5" font-size="10">−${-low}</tspan>` : low, "end")}
      <path class="line" style="--c: var(--${colour})" d="M${way}"/>`;
  };
  const draw = () => {
    const [, alike, back, [slope, chi]] = compute(data, { sw, sb: +bias.value, depth });
    const colour = chi < 1 ? "order" : "chaos", reach = 6 / Math.abs(Math.log(slope));
    $(".lines").innerHTML = plot(alike, 0, 1, 0, "correlation of two inputs", colour)
      + plot(back, -12, 12, PH + 50, "gradient, mean square (1 at the last layer)", colour)
      + text(PW / 2, 2 * PH + 74, `layer, 0 to ${depth}`);
    const said = `σ_w = ${sw.toFixed(2)}, depth ${depth}: χ = ${round(chi)}, `
      + `six memory depths ${round(reach)}`;
    $("[role=status]").textContent = `${said}, σ_b = ${(+bias.value).toFixed(2)}`;
    $(".lines").ariaLabel = `correlation ${round(alike.at(-1))} at the last layer, `
      + `gradient 10 to the ${round(back[0])} at the first`;
    grip.setAttribute("transform", `translate(${toX(sw)},${toY(depth)})`);
    Object.assign(grip, { ariaValueNow: sw, ariaValueText: said });
  };
  const move = (a, b) => {
    [sw, depth] = [clamp(a, LOW, HIGH), Math.round(clamp(b, 1, MOST))];
    draw();
  };
  const plane = $(".plane"), follow = ({ clientX, clientY }) => {
    const { x, y } = new DOMPoint(clientX, clientY)
      .matrixTransform(plane.getScreenCTM().inverse());
    move(LOW + (HIGH - LOW) * x / W, MOST * (1 - y / H));
  };
  plane.onpointerdown = event => {
    if (event.isTrusted) plane.setPointerCapture(event.pointerId);
    follow(event);
  };
  plane.onpointermove = event => event.buttons && follow(event);
  grip.onkeydown = event => {
    const way = WAYS[event.key], by = event.shiftKey ? 5 : 1;
    if (!way) return;
    event.preventDefault();
    move(sw + 0.02 * by * way[0], depth + by * way[1]);
  };
  for (const e of [bias, grip]) e.dataset.lmSuppressShortcuts = true;
  bias.oninput = () => {
    ground();
    draw();
  };
  ground();
  draw();
}

export default { compute, render };
