"""Whether the sliders of a page show the frames that they name."""

# Steps every input of every slider through all its values, then all inputs to their
# ends together, and compares the part of the strip that stands in the window with the
# frame whose number is counted here on its own: the last slider runs fastest.
SWEEP = """async () => {
const wrong = [];
for (const [which, root] of document.querySelectorAll('.explore').entries()) {
  const img = root.querySelector('img'), inputs = [...root.querySelectorAll('input')];
  const still = +img.getAttribute('height'), sizes = inputs.map(i => +i.max + 1);
  const total = sizes.reduce((a, b) => a * b);
  const set = (input, value) => {
    input.value = value;
    input.dispatchEvent(new Event('input', {bubbles: true}));
  };
  set(inputs[0], 0); // the strip comes, also to a picture that waits to be scrolled to
  img.loading = 'eager';
  await img.decode();
  const look = () => {
    const at = inputs.map(i => +i.value);
    let expected = 0, weight = 1;
    for (let k = at.length - 1; k >= 0; k--) {
      expected += at[k] * weight;
      weight *= sizes[k];
    }
    const percent = parseFloat(getComputedStyle(img).objectPosition.split(' ')[1]);
    const top = percent / 100 * (img.naturalHeight - still), shown = top / still;
    const said = inputs.map(i => i.getAttribute('aria-valuetext'));
    const beside = inputs.map(i => i.nextElementSibling.textContent);
    const where = `slider ${which} at ${at.join(', ')}: `;
    if (img.naturalHeight !== total * still)
      wrong.push(`${where}${img.naturalHeight / still} frames, expected ${total}`);
    if (Math.abs(shown - expected) > 0.01)
      wrong.push(`${where}shows frame ${shown}, expected ${expected}`);
    if (said.join() !== beside.join() || !said.every(s => img.alt.includes(s)))
      wrong.push(`${where}says ${said}, beside it ${beside}, alt ${img.alt}`);
    return said.join();
  };
  for (const [k, input] of inputs.entries()) {
    const heard = new Set();
    for (let value = 0; value < sizes[k]; value++) {
      set(input, value);
      heard.add(look());
    }
    if (heard.size < sizes[k]) wrong.push(`slider ${which}: ${[...heard]} heard`);
    set(input, 0);
  }
  inputs.forEach(input => set(input, input.max));
  look();
  inputs.forEach(input => set(input, 0));
}
return wrong;
}"""


def wrong_frames(page) -> list[str]:
    """What is wrong with the sliders of an open Playwright page; empty if nothing is.

    Every input of every slider is stepped through all its values. That the strip's
    frames are those that Python draws, in their order, is tested in test_sliders.py.
    """
    return page.evaluate(SWEEP)
