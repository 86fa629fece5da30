"""The pages of Data Docs: one a frame and an index, for Great Expectations' site builder.

Its own pages load scripts, styles and pictures from a dozen hosts and do not escape the values
that they show. Ours are one file each, without scripts, and what fails stands first.
`great_expectations.yml` names these classes; their templates are in its `plugins/`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import jinja2

from evergreen.adapters.quality_result import Judged, judged

ORDER = ("error", "unknown", "warning", "met")
ROWS_SHOWN = 100


class SuiteRenderer:
    """Turns the results of a suite into what its page says."""

    def render(self, results: Any) -> dict[str, Any]:
        """Return the template's name and values."""
        return {"template": "suite.j2", **suite_page(results.to_json_dict())}


class IndexRenderer:
    """Turns the results of a run into what its first page says."""

    def __init__(self, data_context: Any) -> None:
        self._store = data_context.validation_results_store

    def render(self, index_links: Mapping[str, Any]) -> dict[str, Any]:
        """Return the template's name and values.

        Parameters:
            index_links: what the site builder knows of the pages it wrote.
        """
        path_of = {
            link["expectation_suite_name"]: link["filepath"]
            for link in index_links.get("validations_links", ())
        }
        results = [self._store.get(key).to_json_dict() for key in self._store.list_keys()]
        suites = sorted(map(suite_page, results), key=lambda page: str(page["suite"]))
        for page in suites:
            page["path"] = path_of[page["suite"]]
        return {"template": "index.j2", "suites": suites, "run": suites[0]["run"] if suites else ""}


class PageView:
    """Writes a page from its template; every value is escaped."""

    def __init__(self, custom_styles_directory: str, custom_views_directory: str) -> None:
        loader = jinja2.FileSystemLoader([custom_views_directory, custom_styles_directory])
        self._templates = jinja2.Environment(
            loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True
        )

    def render(self, document: Mapping[str, Any], **_: Any) -> str:
        """Return the page."""
        template = self._templates.get_template(document["template"])
        return template.render(document, rows_shown=ROWS_SHOWN)


def suite_page(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a page says of a suite's results, as JSON: the failing expectations first."""
    rows: list[Judged] = [judged(result) for result in results["results"]]
    rows.sort(key=lambda row: (ORDER.index(row.status), row.fact))
    count = Counter(row.status for row in rows)
    return {
        "suite": results["suite_name"],
        "run": results["meta"]["run_id"]["run_name"],
        "at": str(results["meta"]["run_id"]["run_time"])[:16].replace("T", " "),
        "expectations": rows,
        "count": {status: count[status] for status in ORDER},
        "up": "../" * (len(results["suite_name"].split(".")) + 3),
    }
