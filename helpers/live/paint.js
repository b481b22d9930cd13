// A board one paints, with two who learn its best ways: one knows the map and sweeps over it
// (value iteration), the other only walks (Q-learning, one step after the other).
//
// data = { board, gamma, slip }, board a list of rows of . # X S G. state = { board, gamma,
// slip, sweeps, steps }; compute(data, state) = [V, Q, [v*(S), v of the learner's greedy
// policy at S]]: V after the sweeps, the learner's largest value in every cell.
const FALL = -50, EPSILON = 0.2, PATIENCE = 200, DEEP = 400;
const WAYS = [[-1, 0], [0, 1], [1, 0], [0, -1]];
function world(board) { // to[s][m], gain[s][m] of the move m from cell s
  const width = board[0].length, cells = board.join(""), start = cells.indexOf("S");
  const to = [], gain = [];
  [...cells].forEach((kind, s) => {
    const i = Math.floor(s / width), j = s % width;
    const moves = WAYS.map(([di, dj]) => {
      const [u, v] = [i + di, j + dj], into = u * width + v;
      const out = u < 0 || u >= board.length || v < 0 || v >= width || cells[into] === "X";
      if ("GX#".includes(kind)) return [s, 0];
      if (out) return [s, -1];
      return cells[into] === "#" ? [start, FALL] : [into, -1];
    });
    to.push(moves.map(m => m[0]));
    gain.push(moves.map(m => m[1]));
  });
  return { cells, start, to, gain };
}
const lookahead = ({ to, gain }, V, s, gamma, slip) => { // q of the four actions
  const each = to[s].map((u, m) => gain[s][m] + gamma * V[u]);
  const mean = (each[0] + each[1] + each[2] + each[3]) / 4;
  return each.map(q => (1 - slip) * q + slip * mean);
};
const best = q => q.reduce((top, v, a) => (v > q[top] ? a : top), 0);
function sweep(w, V, gamma, slip, policy) {
  return V.map((_, s) => {
    const q = lookahead(w, V, s, gamma, slip);
    return policy ? q[policy[s]] : Math.max(...q);
  });
}
function walkAndLearn(w, gamma, slip, steps) {
  const Q = w.to.map(() => [0, 0, 0, 0]), N = w.to.map(() => [0, 0, 0, 0]);
  let seed = 20261, s = w.start, age = 0;
  const u = () => { // Park and Miller's generator: the same in every language
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  for (let t = 0; t < steps; t++) {
    const a = u() < EPSILON ? Math.floor(4 * u()) : best(Q[s]);
    const m = u() < slip ? Math.floor(4 * u()) : a, s2 = w.to[s][m];
    N[s][a] += 1;
    const ahead = "GX#".includes(w.cells[s2]) ? 0 : Math.max(...Q[s2]);
    Q[s][a] += (w.gain[s][m] + gamma * ahead - Q[s][a]) / (1 + (1 - gamma) * N[s][a]);
    age += 1;
    [s, age] = w.cells[s2] === "G" || age === PATIENCE ? [w.start, 0] : [s2, age];
  }
  return Q;
}
function learnt(state) {
  const w = world(state.board), { gamma, slip } = state, zero = w.to.map(() => 0);
  let V = zero, star = zero, own = zero;
  for (let k = 0; k < state.sweeps; k++) V = sweep(w, V, gamma, slip);
  const Q = walkAndLearn(w, gamma, slip, state.steps), policy = Q.map(best);
  for (let k = 0; k < DEEP; k++) {
    [star, own] = [sweep(w, star, gamma, slip), sweep(w, own, gamma, slip, policy)];
  }
  const arrows = V.map((_, s) => best(lookahead(w, V, s, gamma, slip)));
  return { w, V, Q, policy, arrows, star, worth: [star[w.start], own[w.start]] };
}
function compute(data, state) {
  const { V, Q, worth } = learnt(state);
  return [V, Q.map(q => Math.max(...q)), worth];
}

// From here on what is seen.
const CELL = 40, BRUSHES = { X: "wall", "#": "water (−50)", G: "goal", ".": "floor" };
const STEPS = [0, 30, 100, 200, 400, 700, 1000, 2000, 4000, 7000, 10000, 20000, 40000, 80000];
const CSS = `
.paint { --ink: 0, 158, 115; --mark: #d55e00; font-size: .9rem;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); }
html[data-theme="dark"] .paint, [data-jp-theme-light="false"] .paint { --ink: 47, 201, 155; }
.paint > div { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1rem;
  margin: .35rem 0; }
.paint figure { flex: 1 1 17rem; margin: 0; max-width: 26rem; }
.paint figcaption { min-height: 2.8em; font-size: .88rem; }
.paint svg { width: 100%; display: block; touch-action: none; cursor: crosshair; }
.paint svg:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
.paint :is(select, button) { font: inherit; color: inherit; background: #8882;
  border: 1px solid #8888; border-radius: .4rem; padding: .25rem .7rem; cursor: pointer; }
.paint option { color: #000; background: #fff; }
.paint label { display: flex; align-items: center; gap: .5rem; }
.paint output { min-width: 3.2em; } .paint input { accent-color: rgb(var(--ink)); width: 8rem; }
.paint text { fill: currentColor; font-size: 13px; text-anchor: middle; }
.paint .arrow { stroke: currentColor; stroke-width: 2; fill: none; opacity: .85; }`;
const slider = (name, low, high, step, value) => `<label>${name} <input type="range"
  min="${low}" max="${high}" step="${step}" value="${value}" aria-label="${name}">
  <output></output></label>`;
const panel = which => `<figure><svg tabindex="0" role="application" data-board="${which}"
  aria-roledescription="board"></svg><figcaption></figcaption></figure>`;
const ARROWS = ["M0 9V-9M-4-4L0-9 4-4", "M-9 0H9M4-4L9 0 4 4", "M0-9V9M-4 4L0 9 4 4",
  "M9 0H-9M-4-4L-9 0-4 4"];

function render({ model, el }) {
  const data = model.get("data");
  el.innerHTML = `<style>${CSS}</style><div class="paint" role="group"><div><label>brush
    <select>${Object.entries(BRUSHES).map(([k, v]) => `<option value="${k}">${v}</option>`)
      .join("")}</select></label><button type="button">clear</button>
    <button type="button">▶ let both learn</button></div>
    <div>${panel("map")}${panel("walk")}</div><div>${slider("sweeps", 0, 60, 1, 8)}
    ${slider("steps walked", 0, STEPS.length - 1, 1, 6)}
    ${slider("γ", 0.5, 0.98, 0.01, data.gamma)}${slider("slip", 0, 0.5, 0.05, data.slip)}
    </div></div>`;
  const $ = selector => el.querySelector(selector), all = s => [...el.querySelectorAll(s)];
  const [sweeps, steps, gamma, slip] = all("input"), [clear, play] = all("button");
  const brush = $("select"), boards = all("svg"), captions = all("figcaption");
  let board = data.board.map(row => [...row]), at = 0, clock, painting;
  const height = board.length, width = board[0].length;
  $(".paint").ariaLabel = model.get("alt");
  const draw = () => {
    const state = { board: board.map(row => row.join("")), gamma: +gamma.value,
      slip: +slip.value, sweeps: +sweeps.value, steps: STEPS[steps.value] };
    const { w, V, Q, policy, arrows, star, worth } = learnt(state);
    const floor = V.map((_, s) => s).filter(s => ".S".includes(w.cells[s]));
    const low = Math.min(...floor.map(s => star[s]), -1), cost = v => (-v).toFixed(2);
    all("output").forEach((o, k) => {
      o.textContent = [state.sweeps, state.steps, state.gamma, state.slip][k];
      all("input")[k].ariaValueText = o.textContent;
    });
    const views = [[V, arrows, s => lookahead(w, V, s, state.gamma, state.slip)],
      [Q.map(q => Math.max(...q)), policy, s => Q[s]]];
    views.forEach(([value, way, q], k) => {
      const known = s => Math.max(...q(s)) - Math.min(...q(s)) > 1e-9; // one action is best
      boards[k].setAttribute("viewBox", `-1 -1 ${width * CELL + 2} ${height * CELL + 2}`);
      boards[k].innerHTML = [...w.cells].map((kind, s) => {
        const [x, y] = [s % width * CELL, Math.floor(s / width) * CELL];
        const share = 1 - Math.min(1, Math.max(0, value[s] / low));
        const fill = { X: "#777", "#": "#6fb3dd", G: "#e9b949" }[kind]
          ?? (known(s) ? `rgba(var(--ink), ${0.08 + 0.72 * share})` : "transparent");
        const mark = s === at && boards[k].matches(":focus-visible");
        return `<rect x="${x}" y="${y}" width="${CELL}" height="${CELL}" fill="${fill}"
          stroke="${mark ? "var(--mark)" : "#8886"}" stroke-width="${mark ? 4 : 1}"/>`
          + (".S".includes(kind) && known(s) ? `<path class="arrow" d="${ARROWS[way[s]]}"
          transform="translate(${x + CELL / 2} ${y + CELL / 2})"/>` : "")
          + ("SG".includes(kind) ? `<text x="${x + 8}" y="${y + 14}">${kind}</text>` : "");
      }).join("");
      boards[k].ariaLabel = `${k ? "what the walker knows" : "what the map says"}; cell row ${
        1 + Math.floor(at / width)}, column ${1 + at % width}: arrow keys move, space paints`;
    });
    captions[0].textContent = `with the map, ${state.sweeps} sweeps; cost of the best way from S: ${
      cost(worth[0])}`;
    captions[1].textContent = `only walking, ${state.steps} steps; cost of what it has learnt: ${
      cost(worth[1])}`;
  };
  const put = s => {
    const [i, j] = [Math.floor(s / width), s % width];
    at = s;
    if (board[i][j] !== "S") board[i][j] = brush.value;
    draw();
  };
  const stop = () => { [clock, play.textContent] = [clearInterval(clock), "▶ let both learn"]; };
  for (const svg of boards) {
    const cell = ({ clientX, clientY }) => {
      const { x, y, width: wide } = svg.getBoundingClientRect();
      const [i, j] = [clientY - y, clientX - x].map(v => Math.floor(v / wide * width));
      return i >= 0 && i < height && j >= 0 && j < width ? i * width + j : at;
    };
    svg.onpointerdown = event => {
      svg.setPointerCapture(event.pointerId);
      put(painting = cell(event));
    };
    svg.onpointermove = event => {
      if (event.buttons && cell(event) !== painting) put(painting = cell(event));
    };
    svg.onkeydown = event => {
      const k = ["ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"].indexOf(event.key);
      if (k < 0 && event.key !== " ") return;
      event.preventDefault();
      if (k < 0) return put(at);
      const i = Math.floor(at / width) + WAYS[k][0], j = at % width + WAYS[k][1];
      if (i >= 0 && i < height && j >= 0 && j < width) draw(at = i * width + j);
    };
    svg.onfocus = svg.onblur = draw;
  }
  clear.onclick = () => {
    board = board.map(row => row.map(c => ("SG".includes(c) ? c : ".")));
    draw();
  };
  play.onclick = () => {
    if (clock) return stop();
    [sweeps.value, steps.value, play.textContent] = [0, 0, "❚❚ pause"];
    clock = setInterval(() => {
      if (!el.isConnected || +sweeps.value === 60 && +steps.value === STEPS.length - 1) stop();
      sweeps.value = +sweeps.value + 1;
      if (sweeps.value % 4 === 0) steps.value = +steps.value + 1;
      draw();
    }, 150);
  };
  for (const e of all("input, select, svg")) e.dataset.lmSuppressShortcuts = true;
  for (const e of all("input")) e.oninput = draw;
  draw();
}

export default { compute, render };
