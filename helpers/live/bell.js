// A list of numbers and bells that one edits, read by a small LSTM: its input gates, forget
// gates and memories step by step, and what it would answer at each step.
//
// data = { nets: { name: { U: [2][4m], W: [m][4m], b: [4m], V: [m], c } }, open: name,
// u: [T], bell: [T] }, blocks in the order input, forget, new, output;
// state = { net, u, bell };
// compute(data, state) = [i, f, c, y]: gates and memories [T][m], answers y [T][1].
const sigma = a => 1 / (1 + Math.exp(-a));
function compute(data, { net, u, bell }) {
  const { U, W, b, V, c: bias } = data.nets[net], m = V.length, out = [[], [], [], []];
  let h = Array(m).fill(0), c = h;
  u.forEach((value, t) => {
    const a = b.map((v, k) => v + value * U[0][k] + bell[t] * U[1][k]
      + h.reduce((sum, s, j) => sum + s * W[j][k], 0));
    const block = (n, f) => a.slice(n * m, n * m + m).map(f);
    const [i, f, o] = [0, 1, 3].map(n => block(n, sigma)), fresh = block(2, Math.tanh);
    c = c.map((v, k) => f[k] * v + i[k] * fresh[k]);
    h = c.map((v, k) => o[k] * Math.tanh(v));
    [i, f, c, [h.reduce((sum, s, j) => sum + s * V[j], bias)]].forEach((v, k) => out[k].push(v));
  });
  return out;
}

// From here on what is seen.
const LEFT = 92, WIDE = 30, BAR = 110;
const ROW = [["input", 66], ["forget", 66], ["memory", 66]];
const CSS = `
.bell { color: var(--pst-color-text-base, var(--jp-ui-font-color1)); font-size: .9rem; }
.bell .panel { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .8rem;
  margin: .4rem 0; }
.bell :is(select, button) { font: inherit; color: inherit; background: #8882; cursor: pointer;
  border: 1px solid #8888; border-radius: .4rem; padding: .3rem .7rem; max-width: 100%; }
.bell option { color: #16191d; background: #fff; }
.bell svg { width: 100%; user-select: none; overflow: visible; }
.bell text { fill: currentColor; font-size: 13px; }
.bell .name, .bell .value { text-anchor: end; dominant-baseline: central; }
.bell .bar { cursor: ns-resize; touch-action: none; outline: none; }
.bell .bar .hit, .bell .ring .hit { fill: transparent; }
.bell .bar .fill { fill: #8a97a6; } .bell .bar.on .fill { fill: #d55e00; }
.bell :is(.bar, .ring):focus-visible .hit { stroke: currentColor; stroke-width: 2; }
.bell .ring { cursor: pointer; outline: none; }
.bell .ring circle { fill: none; stroke: currentColor; stroke-opacity: .5; stroke-width: 1.5; }
.bell .ring.on circle { fill: #d55e00; stroke: #d55e00; }
.bell .axis { stroke: currentColor; stroke-opacity: .6; fill: none; }
.bell .line { stroke: #0072b2; stroke-width: 2.5; fill: none; }
html[data-theme="dark"] .bell .line, [data-jp-theme-light="false"] .bell .line { stroke: #56b4e9; }
.bell .want { stroke: #d55e00; stroke-width: 2; stroke-dasharray: 5 4; fill: none; }
@media (max-width: 520px) { .bell text { font-size: 20px; } .bell .name { font-size: 17px; } }`;
const clamp = v => Math.max(0, Math.min(1, v)), show = v => v.toFixed(2).replace("-", "−");
// 0 pale to 1 dark blue; memories from orange (below zero) over pale to blue.
const mix = (from, to, s) => `rgb(${from.map((v, k) => Math.round(v + (to[k] - v) * s))})`;
const PALE = [238, 242, 246], BLUE = [0, 84, 148], ORANGE = [200, 80, 0];
const gate = v => mix(PALE, BLUE, clamp(v));
const signed = (v, top) => mix(PALE, v < 0 ? ORANGE : BLUE, clamp(Math.abs(v) / top));

function render({ model, el }) {
  const data = model.get("data"), T = data.u.length, names = Object.keys(data.nets);
  const width = LEFT + T * WIDE + 12, x = t => LEFT + t * WIDE;
  let net = data.open, u = [...data.u], bell = [...data.bell];
  el.innerHTML = `<style>${CSS}</style><div class="bell" role="group"><div class="panel">
    <label>network <select>${names.map(n => `<option>${n}</option>`).join("")}</select></label>
    <button type="button">other numbers</button></div>
    <svg viewBox="0 0 ${width} 530"><g class="list"></g><g class="seen"></g></svg>
    <div class="panel" aria-live="polite"></div></div>`;
  const $ = selector => el.querySelector(selector);
  $(".bell").ariaLabel = model.get("alt");
  const select = $("select"), svg = $("svg"), said = $("[aria-live]");
  select.value = net;
  $(".list").innerHTML = `<text class="name" x="${LEFT - 10}" y="16">bells</text>
    <text class="name" x="${LEFT - 10}" y="90">numbers</text>` + u.map((_, t) => `
    <g class="ring" data-t="${t}" tabindex="0" role="button" aria-label="bell at step ${t + 1}">
    <rect class="hit" x="${x(t)}" width="${WIDE}" height="32"/>
    <circle cx="${x(t) + WIDE / 2}" cy="16" r="9"/></g>
    <g class="bar" data-t="${t}" tabindex="0" role="slider" aria-valuemin="0" aria-valuemax="1"
    aria-label="number at step ${t + 1}"><rect class="hit" x="${x(t)}" y="36" width="${WIDE}"
    height="${BAR}"/><rect class="fill" x="${x(t) + 4}" width="${WIDE - 8}"/></g>`).join("")
    + `<path class="axis" d="M${LEFT} ${36 + BAR}H${x(T)}"/>`;
  const bars = [...el.querySelectorAll(".bar")], rings = [...el.querySelectorAll(".ring")];
  const draw = () => {
    const seen = compute(data, { net, u, bell }), m = seen[0][0].length;
    const want = u.reduce((sum, v, t) => sum + v * bell[t], 0);
    bars.forEach((bar, t) => {
      Object.assign(bar, { ariaValueNow: show(u[t]), ariaValueText: show(u[t]) });
      bar.classList.toggle("on", bell[t] > 0);
      const fill = bar.querySelector(".fill");
      fill.setAttribute("y", 36 + BAR * (1 - u[t]));
      fill.setAttribute("height", BAR * u[t]);
    });
    rings.forEach((ring, t) => {
      ring.classList.toggle("on", bell[t] > 0);
      ring.ariaPressed = bell[t] > 0;
    });
    let y = 160, marks = "";
    const top = Math.max(0.05, ...seen[2].flat().map(Math.abs));
    ROW.forEach(([name, high], k) => {
      const tall = high / m;
      marks += `<text class="name" x="${LEFT - 10}" y="${y + high / 2}">${name}</text>`;
      seen[k].forEach((units, t) => units.forEach((v, j) => {
        const colour = k < 2 ? gate(v) : signed(v, top);
        marks += `<rect x="${x(t)}" y="${y + j * tall}" width="${WIDE - 1}"
          height="${tall - (m > 1 ? 0.6 : 0)}" fill="${colour}"/>`;
      }));
      y += high + 14;
    });
    const most = Math.max(2, want + 0.3, ...seen[3].flat());
    const at = v => y + 100 * (1 - Math.max(-0.2, Math.min(v, most)) / most);
    const line = seen[3].map(([v], t) => `${x(t) + WIDE / 2} ${at(v)}`).join("L");
    marks += `<text class="name" x="${LEFT - 10}" y="${y + 50}">answer</text>
      <path class="axis" d="M${LEFT} ${at(0)}H${x(T)}"/><path class="line" d="M${line}"/>
      <path class="want" d="M${LEFT} ${at(want)}H${x(T)}"/>`;
    $(".seen").innerHTML = marks;
    said.textContent = `answer at the end ${show(seen[3].at(-1)[0])}; sum of the numbers at `
      + `${bell.reduce((a, b) => a + b, 0)} bells ${show(want)} (dashed)`;
  };
  const toggle = t => { bell[t] = 1 - bell[t]; draw(); };
  rings.forEach((ring, t) => {
    ring.onclick = () => toggle(t);
    ring.onkeydown = event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggle(t);
    };
  });
  bars.forEach((bar, t) => {
    const set = v => { u[t] = Math.round(100 * clamp(v)) / 100; draw(); };
    const follow = ({ clientY }) => {
      const { y, height } = bar.querySelector(".hit").getBoundingClientRect();
      set(1 - (clientY - y) / height);
    };
    bar.onpointerdown = event => { bar.setPointerCapture(event.pointerId); follow(event); };
    bar.onpointermove = event => event.buttons && follow(event);
    bar.onkeydown = event => {
      const by = { ArrowUp: 0.02, ArrowRight: 0.02, ArrowDown: -0.02, ArrowLeft: -0.02 }[event.key];
      if (event.key === "Enter" || event.key === " ") toggle(t);
      else if (by) set(u[t] + by * (event.shiftKey ? 5 : 1));
      else return;
      event.preventDefault();
    };
  });
  select.oninput = () => { net = select.value; draw(); };
  $("button").onclick = () => { u = u.map(() => Math.round(100 * Math.random()) / 100); draw(); };
  for (const e of el.querySelectorAll("select, .bar, .ring")) e.dataset.lmSuppressShortcuts = true;
  draw();
}

export default { compute, render };
