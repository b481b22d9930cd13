// A 2 × 2 matrix whose columns one drags, seen as what it does: the grid, the unit square and
// the unit circle move; eigenlines, singular directions, area and trace follow. A vector x on
// the circle is dragged too, its image is drawn.
//
// data is the state it opens with, state = { columns: [[a, c], [b, d]], angle }, x at angle;
// compute(data, state) = [[det, trace], [re, im, re2], [sigma1, sigma2], Ax, V1, U1]: the
// eigenvalues re ± i im, or re >= re2 with im = 0; V1, U1 the projectors v vᵀ, u uᵀ (row by
// row) onto the most stretched direction and onto its image.
const projector = ([x, y]) => [x * x, x * y, x * y, y * y];
const unit = (x, y, r = Math.hypot(x, y)) => r > 1e-12 ? [x / r, y / r] : [1, 0];

// Most stretched direction v and its image u: angles of the two halves of A,
// a conformal one (E, H) and an anticonformal one (F, G).
function singular([[a, c], [b, d]]) {
  const E = (a + d) / 2, F = (a - d) / 2, G = (c + b) / 2, H = (c - b) / 2;
  const Q = Math.hypot(E, H), R = Math.hypot(F, G);
  const sum = Math.atan2(G, F), difference = Math.atan2(H, E);
  const turn = angle => [Math.cos(angle), Math.sin(angle)];
  return { sigma: [Q + R, Math.abs(Q - R)],
    v: turn((sum - difference) / 2), u: turn((sum + difference) / 2) };
}

// Eigenvalues, and the lines that stay (none for a turn, none alone for a multiple of I).
function eigen([[a, c], [b, d]]) {
  const half = (a + d) / 2, D = (a - d) ** 2 / 4 + b * c, root = Math.sqrt(Math.abs(D));
  if (D < 0) return { values: [half, root, half], lines: [] };
  const values = [half + root, 0, half - root];
  const line = l => Math.hypot(b, l - a) > Math.hypot(l - d, c) ? unit(b, l - a) : unit(l - d, c);
  const round = Math.hypot(a - d, b, c) < 1e-9;
  return { values, lines: round ? [] : root < 1e-6 ? [line(half)] : [line(values[0]), line(values[2])] };
}

const times = ([[a, c], [b, d]], [x, y]) => [a * x + b * y, c * x + d * y];

function compute(data, { columns, angle }) {
  const [[a, c], [b, d]] = columns, { sigma, v, u } = singular(columns);
  return [[a * d - b * c, a + d], eigen(columns).values, sigma,
    times(columns, [Math.cos(angle), Math.sin(angle)]), projector(v), projector(u)];
}

// From here on what is seen: the plane from -REACH to REACH on a square of 2 * HALF units.
const HALF = 200, REACH = 3.5, UNIT = HALF / REACH;
const MATRICES = { "our example": [[2, 1], [1, 2]], "turn by 60°": [[0.5, 0.866], [-0.866, 0.5]],
  "shear": [[1, 0], [1, 1]], "mirror": [[0, 1], [1, 0]], "projection": [[0.8, 0.4], [0.4, 0.2]],
  "not symmetric": [[1.5, 0.3], [1.2, -0.6]], "identity": [[1, 0], [0, 1]] };
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const NAMES = ["image of e₁", "image of e₂", "direction x"];
const CSS = `
.matrix { --c0: #0072b2; --c1: #d55e00; --c2: #b07800; --c3: #009e73; --c4: #a95a8b;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); font-size: .9rem; }
html[data-theme="dark"] .matrix, [data-jp-theme-light="false"] .matrix { --c0: #56b4e9;
  --c1: #f0803c; --c2: #e69f00; --c3: #2fc99b; --c4: #d690ba; }
.matrix > div { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.5rem;
  margin: .3rem 0; }
.matrix .sides > :first-child { flex: 1 1 17rem; max-width: 27rem; }
.matrix .sides > :last-child { flex: 1 1 13rem; }
.matrix select { font: inherit; color: inherit; background: #8882; border: 1px solid #8888;
  border-radius: .4rem; padding: .3rem .8rem; cursor: pointer; }
.matrix select option { color: #16191d; background: #fff; }
.matrix svg.plane { width: 100%; display: block; user-select: none; }
.matrix path { fill: none; stroke: var(--c, currentColor); stroke-width: 1.8; }
.matrix .faint { stroke-opacity: .16; stroke-width: 1; } .matrix .grid { stroke-opacity: .45;
  stroke-width: 1.1; --c: var(--c0); }
.matrix .area { fill: var(--c0); fill-opacity: .22; stroke: none; }
.matrix .area.over { fill: var(--c1); }
.matrix .dash { stroke-dasharray: 7 5; --c: var(--c4); } .matrix .thick { stroke-width: 2.6; }
.matrix .grip { cursor: grab; touch-action: none; outline: none; fill: transparent; }
.matrix .knob { fill: var(--c); stroke: #fff; stroke-width: 2; }
.matrix .grip:focus-visible .knob { stroke: currentColor; stroke-width: 4; }
.matrix text { fill: currentColor; font-size: 14px; text-anchor: middle; pointer-events: none; }
.matrix dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem .9rem; margin: 0; }
.matrix dt { opacity: .75; } .matrix dd { margin: 0; font-variant-numeric: tabular-nums; }
.matrix i { display: inline-block; width: 1.3rem; margin-right: .4rem; border-top: 3px solid var(--c);
  vertical-align: middle; } .matrix i.dash { border-top-style: dashed; --c: var(--c4); }`;
const show = v => (Math.abs(v) < 0.005 ? 0 : v).toFixed(2).replace("-", "−");
const clamp = v => Math.max(-REACH + 0.1, Math.min(REACH - 0.1, v));
const at = ([x, y]) => [x * UNIT, -y * UNIT].map(v => Math.max(-4e3, Math.min(4e3, v)).toFixed(1));
const line = (...points) => `M${points.map(at).join("L")}`;
const arrow = ([x, y]) => {
  const r = Math.hypot(x, y), [p, q] = unit(x, y), h = Math.min(0.25, r);
  return line([0, 0], [x, y]) + line([x - h * p - h / 2 * q, y - h * q + h / 2 * p], [x, y],
    [x - h * p + h / 2 * q, y - h * q - h / 2 * p]);
};
const circle = Array.from({ length: 91 }, (_, k) => [Math.cos(k * Math.PI / 45), Math.sin(k * Math.PI / 45)]);
const lines = Array.from({ length: 13 }, (_, k) => k - 6)
  .flatMap(k => [[[k, -6], [k, 6]], [[-6, k], [6, k]]]);
const HTML = `<style>${CSS}</style><div class="matrix" role="group"><div><label>start from <select>
  ${Object.keys(MATRICES).map(name => `<option>${name}</option>`).join("")}</select></label></div>
  <div class="sides"><svg class="plane" viewBox="${-HALF} ${-HALF} ${2 * HALF} ${2 * HALF}">
  <path class="faint" d="${lines.map(ends => line(...ends)).join("")}"/><g class="moving"></g>
  ${NAMES.map((name, k) => `<g class="grip" style="--c: var(--c${k})" tabindex="0" role="slider"
    aria-label="${name}" aria-valuemin="-4" aria-valuemax="4"><circle r="22"/><circle class="knob"
    r="8"/></g>`).join("")}</svg><dl aria-live="off"></dl></div></div>`;

function render({ model, el }) {
  el.innerHTML = HTML;
  const $ = selector => el.querySelector(selector), given = model.get("data");
  const grips = [...el.querySelectorAll(".grip")], select = $("select"), svg = $("svg.plane");
  $(".matrix").ariaLabel = model.get("alt");
  let { columns, angle } = given;
  const draw = () => {
    const x = [Math.cos(angle), Math.sin(angle)], to = p => times(columns, p);
    const [[det, trace], [re, im, re2], sigma, image] = compute(given, { columns, angle });
    const { v, u } = singular(columns), { lines: stay } = eigen(columns);
    const far = p => p.map(t => 9 * t), back = p => p.map(t => -9 * t), size = k => u.map(t => sigma[k] * t);
    const side = [-u[1] * sigma[1], u[0] * sigma[1]];
    $(".moving").innerHTML = `<path class="grid" d="${lines.map(ends => line(...ends.map(to))).join("")}"/>
      <path class="area${det < 0 ? " over" : ""}" d="${line(...[[0, 0], [1, 0], [1, 1], [0, 1]].map(to))}"/>
      ${stay.map(p => `<path class="dash" d="${line(back(p), far(p))}"/>`).join("")}
      <path class="faint" style="stroke-opacity:.6" d="${line(...circle)}"/>
      <path style="--c: var(--c2)" d="${line(...circle.map(to))}"/>
      <path style="--c: var(--c3)" d="${line(v.map(t => -t), v)}"/>
      <path class="thick" style="--c: var(--c3)" d="${line([0, 0], size(0))}${line([0, 0], side)}"/>
      ${[columns[0], columns[1], image].map((p, k) =>
        `<path class="thick" style="--c: var(--c${k})" d="${arrow(p)}"/>`).join("")}`;
    [columns[0], columns[1], x].forEach((p, k) => {
      grips[k].setAttribute("transform", `translate(${at(p)})`);
      grips[k].ariaValueNow = show(p[0]).replace("−", "-");
      grips[k].ariaValueText = `${NAMES[k]} (${p.map(show).join(", ")})`;
    });
    const [[a, c], [b, d]] = columns;
    const rows = [["matrix", `(${show(a)}, ${show(b)}; ${show(c)}, ${show(d)})`],
      ["x → Ax", `<i style="--c: var(--c2)"></i>(${x.map(show).join(", ")}) → (${image.map(show).join(", ")})`],
      ["area factor", `${show(det)}${det < -0.005 ? ", turned over" : Math.abs(det) < 0.005 ? ", flat" : ""}`],
      ["diagonal sum", show(trace)],
      ["eigenvalues", `<i class="dash"></i>${im ? `${show(re)} ± ${show(im)} i` : `${show(re)} and ${show(re2)}`}`],
      ["stretches", `<i style="--c: var(--c3)"></i>${sigma.map(show).join(" and ")}`]];
    $("dl").innerHTML = rows.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join("");
  };
  const move = (k, [x, y]) => {
    if (k === 2) angle = Math.atan2(y, x);
    else columns = columns.map((column, j) => j === k ? [clamp(x), clamp(y)] : column);
    draw();
  };
  grips.forEach((grip, k) => {
    grip.dataset.lmSuppressShortcuts = true;
    grip.onpointerdown = ({ pointerId }) => grip.setPointerCapture(pointerId);
    grip.onpointermove = event => {
      if (!event.buttons) return;
      const { x, y, width } = svg.getBoundingClientRect();
      move(k, [(event.clientX - x) / width * 2 - 1, 1 - (event.clientY - y) / width * 2].map(v => v * REACH));
    };
    grip.onkeydown = event => {
      const way = WAYS[event.key], by = event.shiftKey ? 0.5 : 0.1;
      if (!way) return;
      event.preventDefault();
      if (k === 2) angle += (way[1] || -way[0]) * by;
      else move(k, columns[k].map((v, i) => v + way[i] * by));
      draw();
    };
  });
  select.dataset.lmSuppressShortcuts = true;
  select.oninput = () => {
    columns = MATRICES[select.value];
    draw();
  };
  draw();
}

export default { compute, render };
