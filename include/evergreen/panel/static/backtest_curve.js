// What retrainings buy: each policy's CTR against how often it was retrained. A policy above the
// others at the same place earns more for the same work.

import { el, svg } from "./dom.js";
import { count, percent } from "./words.js";

const HEIGHT = 300;
const EDGE = { left: 58, right: 16, top: 16, bottom: 44 };
const TICKS = [0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000];
const LETTER = 7.4; // width of a letter at 12 px, about
const ROW = 14;

// From none to hundreds: a logarithm of one more, so that none has a place.
const spread = (retrains) => Math.log1p(retrains);

export function backtestCurve(lines) {
  const points = lines
    .filter(({ said }) => said.ctr !== null)
    .sort((a, b) => a.said.retrains - b.said.retrains || a.said.ctr - b.said.ctr);
  if (!points.length) return el("p", { class: "quiet" }, "Nothing was shown in this time.");
  const summary = points
    .map(({ name, said }) => `${name} ${percent(said.ctr)} with ${count(said.retrains, "retraining")}`)
    .join("; ");
  const place = el("div", {
    class: "curve",
    role: "img",
    "aria-label": `Chart of CTR against retrainings: ${summary}.`,
  });
  let known = 0;
  new ResizeObserver(() => {
    const width = place.clientWidth;
    if (Math.abs(width - known) < 2) return;
    known = width;
    place.replaceChildren(drawn(points, width));
  }).observe(place);
  return el(
    "div",
    { class: "chart" },
    el(
      "p",
      { class: "quiet" },
      "CTR over the whole time. Higher is more clicks, further left is less training. The scale of the retrainings is logarithmic. The thin line joins the fixed schedules.",
      lines.some(({ dashed }) => dashed) ? " Empty circles are of run B." : "",
    ),
    place,
  );
}

function drawn(points, width) {
  const ctr = points.map(({ said }) => said.ctr);
  const least = Math.min(...ctr);
  const most = Math.max(...ctr);
  const room = Math.max(most - least, 0.02 * most, 0.001) * 0.12;
  const last = Math.max(spread(Math.max(...points.map(({ said }) => said.retrains))), spread(3));
  const x = (retrains) =>
    EDGE.left + 8 + (spread(retrains) / last) * (width - EDGE.left - EDGE.right - 16);
  const y = (value) =>
    EDGE.top +
    (1 - (value - least + room) / (most - least + 2 * room)) * (HEIGHT - EDGE.top - EDGE.bottom);
  return svg(
    "svg",
    { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true" },
    across(least - room, most + room, width, y),
    TICKS.filter((tick) => spread(tick) <= last + 1e-9).map((tick) =>
      svg("text", { x: x(tick), y: HEIGHT - EDGE.bottom + 18, "text-anchor": "middle" }, tick),
    ),
    svg(
      "text",
      { x: (EDGE.left + width) / 2, y: HEIGHT - 6, "text-anchor": "middle" },
      "retrainings",
    ),
    schedules(points, x, y),
    named(points, width, x, y),
  );
}

function across(low, high, width, y) {
  const steps = 4;
  return Array.from({ length: steps + 1 }, (_, i) => {
    const value = low + ((high - low) * i) / steps;
    return [
      svg("path", { class: "grid", d: `M${EDGE.left} ${y(value)}H${width - EDGE.right}` }),
      svg(
        "text",
        { x: EDGE.left - 8, y: y(value) + 4, "text-anchor": "end" },
        percent(value, high - low < 0.01 ? 2 : 1),
      ),
    ];
  });
}

// A thin line through each run's fixed schedules: what is above it is better than any of them.
function schedules(points, x, y) {
  return [false, true].map((dashed) => {
    const fixed = points.filter((one) => one.dashed === dashed && one.said.alarms === null);
    const corners = fixed.map(({ said }) => `${x(said.retrains)} ${y(said.ctr)}`);
    if (corners.length < 2) return null;
    return svg("path", { class: dashed ? "fixed other" : "fixed", d: `M${corners.join("L")}` });
  });
}

// Circles, and names that do not cover each other: each goes to the first free place around its own.
function named(points, width, x, y) {
  const taken = points.map(({ said }) => around(x(said.retrains), y(said.ctr), 10, 10));
  return points.map((point) => {
    const [cx, cy] = [x(point.said.retrains), y(point.said.ctr)];
    const wide = LETTER * point.name.length;
    const places = [
      [cx + 10 + wide / 2, cy],
      [cx - 10 - wide / 2, cy],
      ...[1, -1, 2, -2, 3, -3].map((row) => [cx, cy + row * ROW]),
      ...[1, -1, 2, -2].map((row) => [cx - wide / 2, cy + row * ROW]),
    ];
    const free = places.find(
      ([px, py]) =>
        px - wide / 2 >= EDGE.left &&
        px + wide / 2 <= width - 2 &&
        py > 8 &&
        py < HEIGHT - EDGE.bottom &&
        !taken.some((other) => meet(other, around(px, py, wide, ROW))),
    );
    if (free) taken.push(around(...free, wide, ROW));
    return svg(
      "g",
      { class: `line-${point.colour}` },
      svg("circle", { cx, cy, r: 5, class: point.dashed ? "point hollow" : "point" }),
      free
        ? svg("text", { class: "name", x: free[0], y: free[1] + 4, "text-anchor": "middle" }, point.name)
        : null,
    );
  });
}

const around = (x, y, wide, high) => [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2];
const meet = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
