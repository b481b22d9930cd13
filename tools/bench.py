"""Measure what the book costs; write the table of the benchmark page: ``make bench``.

Seconds differ from machine to machine; what is compared with a limit is their ratio to
a loop that is timed in the same run. Seconds of CPU are those of the kernel alone, on
one thread; wall-clock seconds include its start. Nothing fails here: what is over its
limit is named at the end.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import browser
import notebooks as tool
import peers
import serve
from book import CHAPTERS, NOTEBOOKS, ROOT, build, environment

# Limits, as multiples of the reference (about 1 s on the machine that the book was
# planned on): of a chapter 20 s, together 200 s, of the suite 12 minutes.
CHAPTER, ALL, SUITE = 20.0, 200.0, 720.0
FRAME = 1000 / 60  # ms: a figure that computes while one drags has no more


def reference() -> float:
    """CPU seconds of a loop in plain Python and some algebra, the middle of three."""
    code = (
        "import time, numpy as np\n"
        "start, total = time.process_time(), 0\n"
        "a = np.random.default_rng(0).normal(size=(300, 300))\n"
        "for k in range(12_000_000): total += k % 7\n"
        "for _ in range(250): a = a @ a / np.linalg.norm(a)\n"
        "print(time.process_time() - start)"
    )
    command = [sys.executable, "-c", code]
    run = [
        subprocess.run(
            command, env=environment(), capture_output=True, check=True, text=True
        )
        for _ in range(3)
    ]
    return statistics.median(float(one.stdout) for one in run)


def chapter(source: Path) -> tuple[float, float]:
    """(CPU seconds, wall seconds) of a chapter, from its kernel's start to its end."""
    import nbformat
    from nbclient import NotebookClient

    notebook = tool.fresh(source)
    code = "import time; print('cpu', time.process_time())"
    notebook.cells.append(nbformat.v4.new_code_cell(code))
    start = time.perf_counter()
    NotebookClient(
        notebook,
        timeout=tool.TIMEOUT,
        startup_timeout=600,
        resources={"metadata": {"path": str(source.parent)}},
    ).execute(env=environment())
    wall = time.perf_counter() - start
    said = notebook.cells[-1].outputs[0].text
    return float(re.search(r"cpu ([\d.]+)", said)[1]), wall


def builds(folder: Path) -> list[float]:
    """(cold, warm) seconds of building the book into ``folder``."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        status, log = build(ROOT, folder)
        assert status == 0, log[-2000:]
        times.append(time.perf_counter() - start)
    return times


def suite() -> float:
    """Wall-clock seconds of `make test`."""
    start = time.perf_counter()
    subprocess.run(["make", "test"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


STEP = """() => [...document.querySelectorAll('.explore input')].flatMap(input =>
  [...Array(+input.max).keys()].map(k => {
    const start = performance.now();
    input.value = k + 1;
    input.dispatchEvent(new Event('input'));
    input.getBoundingClientRect();
    return performance.now() - start;
  }))"""

# Milliseconds from one frame to the next while a live figure is dragged to and fro for
# 60 frames.
DRAG = """async figure => {
  figure.scrollIntoView();
  const hit = figure.querySelector('svg, canvas') ?? figure;
  const box = hit.getBoundingClientRect();
  const send = (kind, k) => hit.dispatchEvent(new PointerEvent(kind, {
    bubbles: true, cancelable: true, pointerId: 1, isPrimary: true,
    buttons: kind == 'pointerup' ? 0 : 1,
    clientX: box.x + box.width * (0.5 + 0.3 * Math.sin(k / 9)),
    clientY: box.y + box.height * (0.5 + 0.3 * Math.cos(k / 7))}));
  const frame = () => new Promise(requestAnimationFrame), times = [];
  send('pointerdown', 0);
  let before = await frame();
  for (let k = 1; k <= 60; k++) {
    send('pointermove', k);
    const now = await frame();
    times.push(now - before);
    before = now;
  }
  send('pointerup', 60);
  return times;
}"""


def pages(folder: Path) -> dict[str, dict]:
    """By page: bytes, requests, ms of slider steps, ms a frame of live figures."""
    from playwright.sync_api import sync_playwright

    found, path = {}, browser.find()
    assert path, "no browser found: `make browser` installs one"
    with serve.server(folder) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        home = f"http://127.0.0.1:{server.server_port}/"
        chromium = browser.launch(playwright, path)
        for name in [
            "book/index",
            *(f"notebooks/{source.stem}" for source in NOTEBOOKS),
        ]:
            page = chromium.new_page()
            page.set_default_timeout(browser.PATIENCE)
            session, sizes = page.context.new_cdp_session(page), []
            session.send("Network.enable")
            session.on(
                "Network.loadingFinished",
                lambda e, s=sizes: s.append(e["encodedDataLength"]),
            )
            page.goto(f"{home}{name}.html", wait_until="networkidle")
            found[name] = {
                "bytes": sum(sizes),
                "requests": len(sizes),
                "steps": page.evaluate(STEP),
                "frames": {
                    live.get_attribute("data-live"): live.evaluate(DRAG)
                    for live in page.query_selector_all(".live[data-live]")
                },
            }
            page.close()
        chromium.close()
        server.shutdown()
    return found


def measured() -> dict[str, str]:
    """What the `measured` lines of the chapters have stored."""
    table = {}
    for source in NOTEBOOKS:
        for cell in tool._stored(source)["cells"]:
            for data in tool._measured(cell):
                line = data[tool.MEASURED]
                table[f"{source.stem}: {line['what']}"] = told(line)
    return table


def told(line: dict) -> str:
    """A `measured` bundle in words."""
    text = f"{line['value']:.3g} {line['unit']}"
    if line["beside"]:
        words, value = line["beside"]
        text += f"; {words} {value:.3g} {line['unit']}"
    return text + (f", ratio {line['ratio']:.3g}" if line["ratio"] else "")


def over(ratios: dict[str, float], limits: dict[str, float]) -> list[str]:
    """The names whose ratio is above their limit, with both."""
    return [
        f"{name}: {ratio:.1f}, at most {limits[name]:.1f}"
        for name, ratio in ratios.items()
        if name in limits and ratio > limits[name]
    ]


def main() -> None:
    unit, table, ratios, limits = reference(), {}, {}, {}
    table["the reference: a loop and some matrix products"] = f"{unit:.2f} s of CPU"
    for source in CHAPTERS:
        cpu, wall = chapter(source)
        name = f"{source.stem}: run from top to bottom"
        ratios[name], limits[name] = cpu / unit, CHAPTER
        times = f"{cpu / unit:.0f} × reference; {wall:.0f} s on the clock"
        table[name] = f"{cpu:.0f} s of CPU, {times}"
    together = "all chapters together"
    ratios[together], limits[together] = sum(ratios.values()), ALL
    table[together] = f"{ratios[together]:.0f} × reference"
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = builds(Path(folder))
        table["building the book, cold / warm"] = f"{cold:.0f} s / {warm:.0f} s"
        for name, page in pages(Path(folder) / "_build" / "html").items():
            size, steps = page["bytes"] / 1e6, page["steps"]
            table[f"{name}: over the wire"] = (
                f"{size:.2f} MB in {page['requests']} requests"
            )
            if steps:
                middle, worst = statistics.median(steps), max(steps)
                table[f"{name}: a slider step"] = (
                    f"{middle:.1f} ms, worst {worst:.1f} ms"
                )
                ratios[f"{name}: a slider step"] = middle / FRAME
                limits[f"{name}: a slider step"] = 1.0
            for live, frames in page["frames"].items():
                middle, what = statistics.median(frames), f"{name}: dragging “{live}”"
                table[what] = f"{1000 / middle:.0f} frames a second"
                ratios[what], limits[what] = middle / FRAME, 1.1
    seconds, name = suite(), "the whole test suite, two workers"
    table[name] = f"{seconds:.0f} s"
    ratios[name], limits[name] = seconds / unit, SUITE
    table |= peers.compare() | measured()
    width = max(map(len, table))
    for what, figure in table.items():
        print(f"{what:{width}}  {figure}")
    text = json.dumps(table, indent=1, ensure_ascii=False) + "\n"
    (ROOT / "book" / "benchmarks.json").write_text(text, encoding="utf-8")
    print(
        "\n".join(
            [
                "",
                "Over the limit (× reference):",
                *(over(ratios, limits) or ["nothing"]),
            ]
        )
    )


if __name__ == "__main__":
    main()
