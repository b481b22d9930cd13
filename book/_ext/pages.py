"""What every page of the book leaves out, and what it adds."""


def tidy(app, pagename, templatename, context, doctree):
    """Drop the scripts that nothing on the page needs, among them one that names a foreign host."""

    def needed(script):
        text = f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', '')}"
        return "thebe" not in text.lower() and "widget-state" not in text

    context["script_files"] = [s for s in context.get("script_files", []) if needed(s)]
    context["css_files"] = [s for s in context.get("css_files", []) if "thebe" not in str(getattr(s, "filename", s))]


def no_address(app, config):
    """Without a public address there is nothing to launch."""
    if not config.html_theme_options.get("repository_url"):
        config.html_theme_options.pop("launch_buttons", None)


def setup(app):
    app.connect("config-inited", no_address, priority=900)
    app.connect("html-page-context", tidy, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
