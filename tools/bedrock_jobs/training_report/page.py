"""Renders a self-contained HTML page. Its content security policy forbids it to load anything."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .runs import Report
from .view import view

SCRIPTS: Final = ('vendor/uPlot.iife.min.js', 'templates/report.js')
STYLES: Final = ('vendor/uPlot.min.css', 'templates/report.css')


def render(report: Report) -> str:
    """Return the page. All text from AWS is escaped, and only the two bundled scripts can run."""
    environment = Environment(
        loader=PackageLoader(__package__ or '', 'templates'),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scripts = [_bundled(name) for name in SCRIPTS]
    hashes = ' '.join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    policy = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
    return environment.get_template('report.html').render(
        **view(report),
        policy=Markup(policy),
        scripts=[Markup(script) for script in scripts],
        styles=[Markup(_bundled(name)) for name in STYLES],
    )


def _bundled(name: str) -> str:
    return (files(__package__ or '') / name).read_text(encoding='utf-8')
