// Drift by column and time. A cell's shade says how large it is against what counts as large; a
// mark in it, that it also was a surprise: then the column has drifted.

import { el, svg } from "./dom.js";
import { count, DRIFTS, hourKey, number, plainMoment } from "./words.js";

const CELL = { width: 10, height: 18 };
const STEPS = [0.25, 0.5, 1, 2]; // of the PSI that is large

function shade(size) {
  return size === null ? "none" : STEPS.filter((step) => size >= step).length;
}

export function heatMap(map, choose) {
  if (!map.columns.length)
    return el("p", { class: "quiet" }, "No hour of this time has been judged for drift yet.");
  const hover = el(
    "p",
    { class: "quiet hover", "aria-hidden": "true" },
    "Point at a cell for its numbers.",
  );
  const rows = map.columns.map((column) => row(map, column, choose, hover));
  const read =
    map.read_every_hours > 1 ? ` Every ${map.read_every_hours} hours were looked at.` : "";
  const each =
    map.period_hours > 1
      ? `One cell is the worst of ${map.period_hours} hours.`
      : "One cell is an hour.";
  return el(
    "div",
    {},
    el("p", {}, inWords(map)),
    legend(),
    el(
      "table",
      { class: "heat" },
      el("caption", { class: "unseen" }, "Drift of each column, oldest on the left"),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("th", { scope: "col" }, "Column"),
          el("th", { scope: "col", class: "narrow" }, "Weight"),
          el("th", { scope: "col" }, span(map)),
        ),
      ),
      el("tbody", {}, rows),
    ),
    hover,
    el("p", { class: "quiet" }, each, read, " Choose a column to see its distribution."),
  );
}

function span(map) {
  const end = map.at[map.at.length - 1] + 3600 * map.period_hours;
  return el(
    "span",
    { class: "span" },
    el("span", {}, plainMoment(map.at[0]).slice(0, 10)),
    el("span", {}, `${plainMoment(end).slice(0, 16)} UTC`),
  );
}

function inWords(map) {
  const drifted = map.columns.filter((column) => column.drifted.some((kind) => kind));
  if (!drifted.length)
    return `None of ${count(map.columns.length, "column")} has drifted in this time.`;
  const names = drifted.slice(0, 5).map((column) => column.column);
  const more = drifted.length > 5 ? ` and ${drifted.length - 5} more` : "";
  return `${drifted.length} of ${count(map.columns.length, "column")} drifted at some time: ${names.join(", ")}${more}.`;
}

function legend() {
  const item = (kind, text) => el("li", {}, el("span", { class: `key ${kind}` }), text);
  return el(
    "ul",
    { class: "keys", "aria-hidden": "true" },
    item("cell-0", "small"),
    item("cell-2", "half of large"),
    item("cell-3", "large"),
    item("cell-4", "twice that"),
    item("cell-3 cell-drifted", "drifted: large and surprising"),
    item("cell-none", "not judged"),
  );
}

function row(map, column, choose, hover) {
  const width = CELL.width * map.at.length;
  const cells = column.size.map((size, index) => {
    if (size === null && !column.drifted[index]) return null;
    return svg("rect", {
      class: `cell-${shade(size)}`,
      x: index * CELL.width,
      y: 0,
      width: CELL.width - 1,
      height: CELL.height,
      "data-at": index,
    });
  });
  const drifts = column.drifted.map((kind, index) =>
    kind
      ? svg("circle", {
          class: "drifted",
          cx: (index + 0.5) * CELL.width - 0.5,
          cy: CELL.height / 2,
          r: 2.6,
        })
      : null,
  );
  const picture = svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${CELL.height}`,
      preserveAspectRatio: "none",
      class: "strip",
      role: "img",
      "aria-label": said(column),
      onmousemove: (event) => {
        const index = at(event, picture, map);
        hover.textContent = `${column.column}, ${plainMoment(map.at[index])}: ${cellInWords(column, index)}`;
      },
      onclick: (event) => choose(column.column, newestHour(map, at(event, picture, map))),
    },
    svg("rect", { class: "cell-none", x: 0, y: 0, width, height: CELL.height }),
    cells,
    drifts,
  );
  const name = el(
    "button",
    {
      type: "button",
      class: "plain",
      "data-column": column.column,
      onclick: () => choose(column.column, null),
    },
    column.column,
  );
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, name),
    el("td", { class: "narrow" }, number(column.importance)),
    el("td", { class: "strip-cell" }, picture),
  );
}

function at(event, picture, map) {
  const box = picture.getBoundingClientRect();
  const index = Math.floor((map.at.length * (event.clientX - box.left)) / box.width);
  return Math.min(Math.max(index, 0), map.at.length - 1);
}

// The newest hour of a period, and never one after the newest that was judged.
function newestHour(map, index) {
  const end = map.at[index] + 3600 * (map.period_hours - 1);
  return hourKey(Math.min(end, Date.parse(map.hour) / 1000));
}

function said(column) {
  const times = column.drifted.filter((kind) => kind).length;
  const largest = Math.max(...column.size.filter((size) => size !== null), 0);
  const drifted = times ? `drifted in ${count(times, "period")}` : "never drifted";
  return `${column.column}: ${drifted}; largest ${number(largest, 1)} times what counts as large`;
}

function cellInWords(column, index) {
  const size = column.size[index];
  const kind = column.drifted[index];
  if (size === null && !kind) return "not judged";
  const large = size === null ? "" : `${number(size, 2)} times what counts as large`;
  return kind ? `${DRIFTS[kind] ?? kind}${large ? `, ${large}` : ""}` : large;
}
