// A text that can be typed, and what it costs: its entropy, the Huffman tree of its letters,
// and its arithmetic code, which reads it letter by letter.
//
// data is the state it opens with; state = { text, at }: the text, of which `at` letters are
// read. compute(data, state) = [[entropy in bits], lengths of the words, bits of the Huffman
// code, bits of the arithmetic code, [low, width] of the interval after `at` letters].
const MOST = 60;
function count(text) { // letters in order, with counts and where their parts start
  const message = [...text], symbols = [...new Set(message)].sort();
  const weights = symbols.map(c => message.filter(d => d === c).length);
  const start = [0];
  weights.forEach((w, i) => start.push(start[i] + w));
  return { message: message.map(c => symbols.indexOf(c)), symbols, weights, start };
}
function huffman(weights) {
  const words = weights.map(() => "");
  let heap = weights.map((w, i) => [w, [i]]);
  while (heap.length > 1) { // groups share no letter: equal weights go by their first ones
    heap.sort((a, b) => a[0] - b[0] || a[1][0] - b[1][0]);
    const [zero, one, ...rest] = heap;
    [zero, one].forEach(([, group], bit) => group.forEach(s => { words[s] = bit + words[s]; }));
    heap = [...rest, [zero[0] + one[0], [...zero[1], ...one[1]]]];
  }
  return words;
}
function encode({ message, weights, start }) { // exact: the interval is [low, low + w) / whole
  let low = 0n, w = 1n, k = 0n;
  const total = BigInt(message.length);
  for (const s of message) {
    low = low * total + w * BigInt(start[s]);
    w *= BigInt(weights[s]);
  }
  const whole = total ** total;
  while ((w << k) < 2n * whole) k++;
  const code = ((low << k) + whole - 1n) / whole;
  return code.toString(2).padStart(Number(k), "0");
}
const intervals = ({ message, weights, start }) => { // [low, width] before each letter
  const seen = [[0, 1]], n = message.length;
  for (const s of message) {
    const [low, width] = seen.at(-1);
    seen.push([low + width * start[s] / n, width * weights[s] / n]);
  }
  return seen;
};
const entropy = ({ weights, message: { length: n } }) =>
  weights.reduce((sum, w) => sum - w / n * Math.log2(w / n), 0);
function compute(data, { text, at }) {
  const told = count(text), words = huffman(told.weights);
  const digits = bits => [...bits].map(Number);
  return [[entropy(told)], words.map(word => word.length),
    digits(told.message.map(s => words[s]).join("")), digits(encode(told)),
    intervals(told)[at]];
}

// From here on what is seen.
const WIDE = Math.min(720, Math.max(340, (globalThis.innerWidth ?? 720) - 40));
const ROW = 46, ROWS = 5, EDGE = 14;
const EXAMPLES = ["the walrus said", "aaaaaaab", "TTTHTTTTTTTTHTTTTTTT", "abracadabra",
  "abcdefgh", "she sells sea shells by the sea shore"];
const CSS = `
.codes { --zero: #0072b2; --one: #b34a00; --part: #0072b226; --now: #d55e0066; --paper: #fff;
  font-size: .9rem; color: var(--pst-color-text-base, var(--jp-ui-font-color1)); }
html[data-theme="dark"] .codes, [data-jp-theme-light="false"] .codes {
  --zero: #56b4e9; --one: #f08a3c; --part: #56b4e933; --now: #f08a3c88; --paper: #16191d; }
.codes > div { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .9rem;
  margin: .4rem 0; }
.codes :is(select, input[type=text]) { font: inherit; color: inherit; background: #8882;
  border: 1px solid #8888; border-radius: .4rem; padding: .25rem .6rem; max-width: 100%; }
.codes option { color: #222; } .codes input[type=text] { flex: 1 1 16rem; min-width: 0; }
.codes label.wide { display: flex; flex: 1 1 20rem; gap: .6rem; align-items: center; }
.codes input[type=range] { flex: 1; min-width: 8rem; touch-action: pan-y; }
.codes svg { width: 100%; display: block; } .codes .scroll { overflow-x: auto; }
.codes .scroll svg { min-width: 330px; }
.codes text { fill: currentColor; font-size: 15px; text-anchor: middle; }
.codes .left { text-anchor: start; } .codes .right { text-anchor: end; }
.codes .edge { stroke: #8888; stroke-width: 1; fill: var(--part); }
.codes .now { fill: var(--now); stroke: var(--one); stroke-width: 1.5; }
.codes .funnel { fill: var(--now); opacity: .35; } .codes path { fill: none; stroke-width: 2; }
.codes code { overflow-wrap: anywhere; background: none; color: inherit; font-size: .85rem; }
.codes b.zero { color: var(--zero); } .codes b.one { color: var(--one); }`;
const safe = c => c === " " ? "␣" : c.replace(/[&<>"]/g, d => `&#${d.charCodeAt(0)};`);
const bitsOf = bits => bits.replace(/0+|1+/g, run =>
  `<b class="${run[0] === "0" ? "zero" : "one"}">${run}</b>`);

function drawTree({ symbols }, words) { // leaves side by side, in the order of their words
  const order = symbols.map((_, i) => i).sort((a, b) => words[a] < words[b] ? -1 : 1);
  const deep = Math.max(...words.map(w => w.length)), gap = (WIDE - 40) / words.length;
  const x = {}, fall = Math.min(44, 250 / Math.max(1, deep));
  order.forEach((s, place) => { x[words[s]] = 20 + gap * (place + 0.5); });
  for (let k = deep - 1; k >= 0; k--)
    for (const node of new Set(words.filter(w => w.length > k).map(w => w.slice(0, k))))
      x[node] = (x[node + "0"] + x[node + "1"]) / 2;
  const y = node => 12 + fall * node.length;
  const lines = Object.keys(x).filter(node => node).map(node => {
    const up = node.slice(0, -1), ink = node.at(-1) === "0" ? "zero" : "one";
    return `<path d="M${x[up]} ${y(up)}L${x[node]} ${y(node)}" stroke="var(--${ink})"/>`;
  });
  const leaves = symbols.map((c, s) => `<text x="${x[words[s]]}" y="${y(words[s]) + 17}">`
    + `${safe(c)}</text>`);
  return [lines.join("") + leaves.join(""), 40 + fall * deep];
}
function drawBars(names, values) {
  const most = Math.max(...values, 1), at = v => 138 + (WIDE - 200) * v / most;
  return names.map((name, i) => `<text class="right" x="130" y="${24 * i + 18}">${name}</text>
    <rect class="${i > 2 ? "now" : "edge"}" x="138" y="${24 * i + 4}" height="18"
    width="${at(values[i]) - 138}"/><text class="left" x="${at(values[i]) + 8}"
    y="${24 * i + 18}">${values[i].toFixed(i === 1 || i === 4 ? 1 : 0)}</text>`).join("");
}
function drawParts({ message, symbols, weights, start }, at) { // rows: the last few letters
  const n = message.length, first = Math.max(0, at + 1 - ROWS);
  const place = v => EDGE + (WIDE - 2 * EDGE) * v / n;
  let out = "";
  for (let row = 0; row < ROWS && first + row <= n; row++) {
    const t = first + row, top = row * ROW + 4, chosen = t < at ? message[t] : -1;
    if (t > at) break;
    symbols.forEach((c, s) => {
      const width = place(weights[s]) - place(0);
      out += `<rect class="edge ${s === chosen ? "now" : ""}" x="${place(start[s])}" y="${top}"
        width="${width}" height="24"/>` + (width > 9 ? `<text x="${place(start[s]) + width / 2}"
        y="${top + 17}">${safe(c)}</text>` : "");
    });
    if (chosen >= 0 && row < ROWS - 1)
      out += `<polygon class="funnel" points="${place(start[chosen])},${top + 24}
        ${place(start[chosen + 1])},${top + 24} ${place(n)},${top + ROW}
        ${place(0)},${top + ROW}"/>`;
  }
  return out;
}
function render({ model, el }) {
  const given = model.get("data");
  el.innerHTML = `<style>${CSS}</style><div class="codes" role="group"><div>
    <input type="text" maxlength="${MOST}" aria-label="the text to be coded" spellcheck="false">
    <label>or <select>${["take one", ...EXAMPLES].map(v => `<option>${v}</option>`).join("")}
    </select></label></div><svg data-bars role="img" viewBox="0 0 ${WIDE} 124"></svg>
    <div><span>Huffman's tree: <b class="zero">0</b> left, <b class="one">1</b> right</span></div>
    <div class="scroll" tabindex="0" role="group" aria-label="the tree">
    <svg data-tree role="img"></svg></div>
    <div>bits by Huffman: <code data-huffman></code></div><div><label class="wide">letters read
    <input type="range" min="0" step="1"></label><span role="status"></span></div>
    <svg data-parts role="img" viewBox="0 0 ${WIDE} ${ROW * ROWS - 14}"></svg>
    <div>bits of the arithmetic code: <code data-code></code></div></div>`;
  const $ = selector => el.querySelector(selector);
  const [typed, pick, slide] = ["input[type=text]", "select", "input[type=range]"].map($);
  $(".codes").ariaLabel = model.get("alt");
  typed.value = given.text;
  const draw = () => {
    const told = count(typed.value || " "), n = told.message.length, at = +slide.value;
    const words = huffman(told.weights), code = encode(told), H = entropy(told);
    const plain = told.message.map(s => words[s]).join("");
    const names = ["8 bits a letter", `log₂ ${told.symbols.length} a letter`, "Huffman",
      "arithmetic code", "entropy"];
    const costs = [8 * n, n * Math.log2(told.symbols.length), plain.length, code.length, n * H];
    $("[data-bars]").innerHTML = drawBars(names, costs);
    $("[data-bars]").ariaLabel = names.map((v, i) => `${v}: ${costs[i].toFixed(1)}`).join("; ");
    const [tree, tall] = drawTree(told, words);
    Object.assign($("[data-tree]"), { innerHTML: tree, ariaLabel:
      told.symbols.map((c, s) => `${c}: ${words[s] || "no bits"}`).join(", ") });
    $("[data-tree]").setAttribute("viewBox", `0 0 ${WIDE} ${tall}`);
    $("[data-huffman]").innerHTML = bitsOf(plain) || "none";
    $("[data-code]").innerHTML = bitsOf(code);
    const [low, width] = intervals(told)[at], spent = Math.abs(Math.log2(width)).toFixed(2);
    $("[role=status]").textContent = `“${[...(typed.value || " ")].slice(0, at).join("")}”: from `
      + `${low.toPrecision(4)}, width ${width.toPrecision(3)}, ${spent} bits`;
    slide.ariaValueText = `${at} letters read, ${spent} bits`;
    Object.assign($("[data-parts]"), { innerHTML: drawParts(told, at),
      ariaLabel: `the parts of the interval after ${at} letters` });
  };
  const restart = at => {
    slide.max = [...(typed.value || " ")].length;
    slide.value = Math.min(at, slide.max);
    draw();
  };
  typed.oninput = () => restart(+slide.max);
  pick.onchange = () => {
    if (pick.selectedIndex) restart(3, typed.value = pick.value);
  };
  slide.oninput = draw;
  for (const e of [typed, pick, slide]) e.dataset.lmSuppressShortcuts = true;
  restart(given.at);
}

export default { compute, render };
