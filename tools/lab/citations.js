// A JupyterLab plugin: jupyterlab-myst knows no bibliography and shows a citation as its key with a
// warning sign; this shows authors and year. NAMES is filled in by jupyter_lab_config.py.
const names = NAMES;

function mend() {
  for (const span of document.querySelectorAll('[title="Citation Not Found"]')) {
    const key = span.textContent.trim();
    if (!(key in names)) continue;
    const [authors, year] = names[key];
    const narrative = span.closest(".cite-group.narrative");
    span.lastChild.data = narrative ? `${authors} (${year})` : `${authors}, ${year}`;
    span.querySelector("svg").style.display = "none";
    span.style.color = "inherit";
    span.removeAttribute("title"); // it would be read aloud in place of the names
  }
}

const plugin = {
  id: "book-citations:names",
  autoStart: true,
  activate: () => {
    const seen = new MutationObserver(mend);
    seen.observe(document.body, { childList: true, subtree: true });
  },
};

// What JupyterLab expects of a prebuilt extension.
(window._JUPYTERLAB ??= {})["book-citations"] = {
  init: () => {},
  get: async () => () => ({ __esModule: true, default: plugin }),
};
