// A cloud of points of which one is dragged; the others move so that the report of the
// whole, two means, two standard deviations and the correlation, stays what it was.
//
// data = { clouds: { name: [[x, y], …] } }, state = { points, held, at: [x, y] };
// compute(data, state) = the points with number `held` at `at`, the others moved by one map
// (x, y) -> (p + q x, r + s x + t y). No point can be further from the mean than
// sqrt(n - 1) standard deviations: beyond NEAR of that, `at` is drawn back to the mean.
const NEAR = 0.995;
const mean = v => v.reduce((a, b) => a + b, 0) / v.length;

// [mean x, mean y, sum of squares in x, of products, of squares in y] around the means
function sums(points) {
  const [mx, my] = [0, 1].map(i => mean(points.map(p => p[i])));
  const total = f => points.reduce((a, [x, y]) => a + f(x - mx, y - my), 0);
  return [mx, my, total((x, y) => x * x), total((x, y) => x * y), total((x, y) => y * y)];
}

function compute(data, { points, held, at }) {
  const n = points.length, [mx, my, xx, xy, yy] = sums(points);
  let [dx, dy] = [at[0] - mx, at[1] - my];
  const far = n * (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / (xx * yy - xy * xy);
  const back = Math.min(1, NEAR * Math.sqrt((n - 1) / far));
  [dx, dy] = [dx * back, dy * back];
  // What is left for the others: their mean, their sums; and what they have now.
  const k = n / (n - 1), want = [mx - dx / (n - 1), my - dy / (n - 1),
    xx - k * dx * dx, xy - k * dx * dy, yy - k * dy * dy];
  const have = sums(points.filter((_, i) => i !== held));
  const split = s => [Math.sqrt(s[2]), s[3] / s[2], Math.sqrt(s[4] - s[3] * s[3] / s[2])];
  const [a, b, c] = split(have), [A, B, C] = split(want);
  return points.map(([x, y], i) => {
    if (i === held) return [mx + dx, my + dy];
    const u = x - have[0], v = (y - have[1] - b * u) * C / c;
    return [want[0] + u * A / a, want[1] + B * u * A / a + v];
  });
}

// From here on what is seen.
const WIDE = 640, HIGH = 380;
const CSS = `
.summary { --dot: #0072b2; --held: #d55e00; --soft: #808080;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); font-size: .9rem; }
html[data-theme="dark"] .summary, [data-jp-theme-light="false"] .summary { --dot: #56b4e9;
  --held: #ff9b4a; --soft: #a0a0a0; }
.summary .panel { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.2rem;
  margin: .4rem 0; }
.summary label { display: flex; align-items: center; gap: .5rem; }
.summary :is(select, button) { font: inherit; color: inherit; background: #8882;
  cursor: pointer; border: 1px solid #8888; border-radius: .4rem; padding: .3rem .8rem;
  width: auto; }
.summary svg { width: 100%; height: auto; display: block; user-select: none; }
.summary text { fill: currentColor; font-size: 14px; text-anchor: middle; }
.summary path { fill: none; stroke: var(--soft); stroke-width: 1.5; }
.summary .edge { stroke-dasharray: 3 5; } .summary .axis { stroke-width: 1; }
.summary .grip { cursor: grab; touch-action: none; outline: none; }
.summary .pad { fill: transparent; }
.summary .knob { fill: var(--dot); stroke: var(--pst-color-background, #fff); }
.summary .held .knob { fill: var(--held); }
.summary .grip:focus-visible .knob { stroke: currentColor; stroke-width: 3; }
.summary dl { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: .4rem 0; }
.summary dl > div { min-width: 6.6rem; } .summary dt { font-weight: normal; opacity: .8; }
.summary dd { margin: 0; font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) { .summary text { font-size: 24px; }
  .summary .knob { r: 11px; } }`;
const fixed = (v, n) => v.toFixed(n).replace("-", "−");
const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
const median = (v, s = [...v].sort((a, b) => a - b), h = (s.length - 1) / 2) =>
  (s[Math.floor(h)] + s[Math.ceil(h)]) / 2;
const ranks = v => v.map(a => v.filter(b => b < a - 1e-9).length
  + v.filter(b => Math.abs(b - a) <= 1e-9).length / 2);
const correlation = (v, w, s = sums(v.map((a, i) => [a, w[i]]))) =>
  s[3] / Math.sqrt(s[2] * s[4]);

function render({ model, el }) {
  const { clouds } = model.get("data"), names = Object.keys(clouds);
  el.innerHTML = `<style>${CSS}</style><div class="summary" role="group"><div class="panel">
    <label>cloud <select>${names.map(name => `<option>${name}</option>`).join("")}</select>
    </label><button type="button">as it was</button></div><svg
    viewBox="-36 -8 ${WIDE + 44} ${HIGH + 40}"></svg><div>the report</div>
    <dl class="report"></dl><div>other numbers, to tell the clouds apart</div>
    <dl class="other"></dl></div>`;
  const $ = selector => el.querySelector(selector), select = $("select"), svg = $("svg");
  $(".summary").ariaLabel = model.get("alt");
  let points, base, held, box; // base: the cloud when the point was taken
  const toX = x => WIDE * (x - box[0]) / (box[1] - box[0]);
  const toY = y => HIGH * (1 - (y - box[2]) / (box[3] - box[2]));
  const show = () => {
    const [mx, my, xx, xy, yy] = sums(points), n = points.length;
    const [x, y] = [0, 1].map(i => points.map(p => p[i]));
    const sd = s => Math.sqrt(s / (n - 1));
    const list = rows => Object.entries(rows).map(([name, v]) =>
      `<div><dt>${name}</dt><dd>${v}</dd></div>`).join("");
    $(".report").innerHTML = list({ "mean of x": fixed(mx, 10), "mean of y": fixed(my, 10),
      "deviation of x": fixed(sd(xx), 10), "deviation of y": fixed(sd(yy), 10),
      "correlation": fixed(xy / Math.sqrt(xx * yy), 10) });
    $(".other").innerHTML = list({ "median of x": fixed(median(x), 2),
      "median of y": fixed(median(y), 2),
      "correlation of ranks": fixed(correlation(ranks(x), ranks(y)), 2),
      "largest z of x": fixed(Math.max(...x.map(v => Math.abs(v - mx))) / Math.sqrt(xx / n), 3),
    });
    el.querySelectorAll(".grip").forEach((g, i) => {
      g.setAttribute("transform", `translate(${toX(x[i])} ${toY(y[i])})`);
      g.classList.toggle("held", i === held);
      g.ariaValueNow = x[i].toFixed(2);
      g.ariaValueText = `x ${fixed(x[i], 2)}, y ${fixed(y[i], 2)}`;
    });
  };
  const take = k => {
    if (held === k) return;
    [base, held] = [points.map(p => [...p]), k];
  };
  const move = at => {
    const inside = [clamp(at[0], box[0], box[1]), clamp(at[1], box[2], box[3])];
    points = compute(model.get("data"), { points: base, held, at: inside });
    show();
  };
  const enter = () => {
    points = clouds[select.value].map(p => [...p]);
    held = undefined;
    const [mx, my, xx, xy, yy] = sums(points), n = points.length;
    const [sx, sy] = [xx, yy].map(s => Math.sqrt(s / (n - 1)));
    box = [mx - 3.4 * sx, mx + 3.4 * sx, my - 3.4 * sy, my + 3.4 * sy];
    const line = x => [toX(x), toY(my + xy / xx * (x - mx))];
    const limit = Math.sqrt(n - 1), rho = xy / Math.sqrt(xx * yy);
    const ring = Array.from({ length: 91 }, (_, i) => {
      const t = 2 * Math.PI * i / 90, h = limit * Math.sqrt((n - 1) / n);
      return [toX(mx + h * sx * Math.cos(t)),
        toY(my + h * sy * (rho * Math.cos(t) + Math.sqrt(1 - rho * rho) * Math.sin(t)))];
    });
    const ticks = [-3, 0, 3].map(k => `<text x="${toX(mx + k * sx)}" y="${HIGH + 24}">${
      fixed(mx + k * sx, 1)}</text><text x="-18" y="${toY(my + k * sy) + 5}">${
      fixed(my + k * sy, 1)}</text>`);
    svg.innerHTML = `<path class="axis" d="M0 0V${HIGH}H${WIDE}"/>${ticks.join("")}
      <path d="M${line(box[0])}L${line(box[1])}"/><path class="edge" d="M${ring.join("L")}"/>
      ${points.map((_, i) => `<g class="grip" tabindex="0" role="slider"
      aria-label="point ${i + 1}" aria-valuemin="${box[0]}" aria-valuemax="${box[1]}">
      <circle class="pad" r="16"/><circle class="knob" r="7"/></g>`).join("")}`;
    el.querySelectorAll(".grip").forEach((g, k) => {
      g.dataset.lmSuppressShortcuts = true;
      g.onpointerdown = event => {
        g.setPointerCapture(event.pointerId);
        take(k);
        show();
      };
      g.onpointermove = event => {
        if (!event.buttons || held !== k) return;
        const { x, y } = new DOMPoint(event.clientX, event.clientY)
          .matrixTransform(svg.getScreenCTM().inverse());
        move([box[0] + x / WIDE * (box[1] - box[0]), box[3] - y / HIGH * (box[3] - box[2])]);
      };
      g.onkeydown = event => {
        const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1],
          ArrowDown: [0, -1] }[event.key], by = event.shiftKey ? 0.5 : 0.1;
        if (!way) return;
        event.preventDefault();
        take(k);
        move([points[k][0] + by * way[0] * sx, points[k][1] + by * way[1] * sy]);
      };
    });
    show();
  };
  select.dataset.lmSuppressShortcuts = true;
  select.oninput = $("button").onclick = enter;
  enter();
}

export default { compute, render };
