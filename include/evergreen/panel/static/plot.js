// What every chart over time shares: colours of the theme, axes, and days in UTC.

/* global uPlot */

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export const utc = (seconds) => uPlot.tzDate(new Date(1000 * seconds), "Etc/UTC");

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

// Days where the ticks are days apart, else the hour, and the day at midnight.
function dates(_plot, ticks, _axis, _space, step) {
  return ticks.map((at) => {
    const date = new Date(1000 * at);
    const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
    const hour = date.toISOString().slice(11, 16);
    return step >= 86_400 || hour === "00:00" ? day : hour;
  });
}

export function axes(format) {
  const grid = { stroke: colour("--line"), width: 1 };
  const shared = {
    stroke: colour("--quiet"),
    grid,
    ticks: grid,
    font: "12px system-ui, sans-serif",
  };
  return [
    { ...shared, space: 70, size: 32, values: dates },
    { ...shared, size: 56, values: (_, ticks) => ticks.map(format) },
  ];
}

// Draw when the box gets a width, another one, or the theme changes.
export function redrawn(box, draw) {
  let known = 0;
  new ResizeObserver(() => {
    if (Math.abs(box.clientWidth - known) < 2) return;
    known = box.clientWidth;
    draw();
  }).observe(box);
  window.addEventListener("evergreen:theme", () => box.isConnected && draw());
}
