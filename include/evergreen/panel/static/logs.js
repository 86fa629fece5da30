// What Evergreen has done about a model and why: decisions, releases, retrainings, incidents.

import { el, section, table } from "./dom.js";
import { inward } from "./frame.js";
import { action, count, KINDS, moment, reasons } from "./words.js";

const NEWEST = 5;

export function decisions(page) {
  if (!page.decisions.length)
    return section(
      "decisions",
      "Decisions",
      el("p", { class: "quiet" }, "Nothing was decided in this time."),
    );
  const items = page.decisions.map((one) =>
    el(
      "li",
      { class: `is-${one.would}` },
      el("strong", {}, action(one)),
      el(
        "span",
        { class: "quiet" },
        one.hours > 1 ? ` ${count(one.hours, "hour")}, ` : " ",
        moment(one.first),
        one.hours > 1 ? [" to ", moment(one.last)] : null,
        one.replay ? " (replay: nothing was done)" : "",
      ),
      reasons(one.reasons, 2),
    ),
  );
  // What was asked for is never hidden among hours in which nothing happened.
  const shown = (_, index) => index < NEWEST || page.decisions[index].would.startsWith("request");
  const first = el("ol", { class: "log" }, items.filter(shown));
  const others = items.filter((item, index) => !shown(item, index));
  if (!others.length) return section("decisions", "Decisions", first);
  const rest = el(
    "details",
    {},
    el("summary", {}, `${others.length} more, in which nothing was asked for`),
    el("ol", { class: "log" }, others),
  );
  return section("decisions", "Decisions", first, rest);
}

function report(model, runKey, champion) {
  const path = `reports/${encodeURIComponent(model)}/${encodeURIComponent(runKey)}/${champion ?? 0}`;
  return inward(path, "Report");
}

export function releases(model, page) {
  if (!page.releases.length)
    return section(
      "releases",
      "Releases",
      el("p", { class: "quiet" }, "No version has been released yet."),
    );
  const rows = page.releases.map((one, index) => [
    el(
      "span",
      {},
      `Version ${one.version}`,
      index === 0 ? el("span", { class: "flag" }, "in force") : null,
    ),
    [
      KINDS[one.kind] ?? one.kind,
      one.replaced_version ? `, in place of version ${one.replaced_version}` : "",
    ],
    moment(one.released_at),
    moment(one.as_of),
    reasons(one.reason.split("; ")),
    one.kind === "promotion" ? report(model, one.run_key, one.replaced_version) : "–",
  ]);
  const heads = ["Version", "How", "Released", "Learned until", "Why", "Report"];
  return section("releases", "Releases", table("Releases, newest first", heads, rows));
}

const TRIGGERS = { asset: "the monitor", manual: "a person", scheduled: "the clock" };

export function runs(model, page) {
  if (!page.runs.length)
    return section(
      "runs",
      "Retrainings",
      el("p", { class: "quiet" }, "Nothing was retrained yet."),
    );
  const rows = page.runs.map((one) => [
    moment(one.opened_at),
    one.verdict
      ? el("strong", { class: `verdict-${one.verdict}` }, one.verdict)
      : one.closed_at
        ? "–"
        : "running, or ended before the gate",
    one.version ? `version ${one.version}` : "–",
    [
      TRIGGERS[one.trigger] ?? one.trigger,
      one.requested
        ? el("details", {}, el("summary", {}, "Why"), reasons(one.requested.split("; "), 9))
        : null,
    ],
    one.reasons.length ? reasons(one.reasons, 2) : "–",
    one.verdict ? report(model, one.run_key, one.expected) : "–",
  ]);
  const heads = ["Began", "Verdict", "Challenger", "Asked for by", "The gate's reasons", "Report"];
  return section("runs", "Retrainings", table("Retrainings, newest first", heads, rows));
}

export function incidents(page) {
  if (!page.incidents.length)
    return section("incidents", "Incidents", el("p", { class: "quiet" }, "There was none."));
  const rows = page.incidents.map((one) => [
    moment(one.hour),
    moment(one.opened_at),
    one.closed_at ? moment(one.closed_at) : el("strong", { class: "bad" }, "open"),
    one.outcome ?? "–",
  ]);
  const heads = ["About the hour", "Opened", "Closed", "Outcome"];
  return section("incidents", "Incidents", table("Incidents, newest first", heads, rows));
}
