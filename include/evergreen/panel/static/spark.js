// A small picture: the CTR of the last 30 days, and dashed what was expected of it.

import { svg } from "./dom.js";
import { percent } from "./words.js";

const WIDTH = 132;
const HEIGHT = 34;
const PAD = 2;

export function spark({ at, ctr, expected }) {
  const known = [...ctr, ...expected].filter((value) => value !== null);
  if (at.length < 2 || !known.length) return null;
  const flat = Math.min(...known) === Math.max(...known) ? 0.1 * Math.abs(known[0]) || 1 : 0;
  const low = Math.min(...known) - flat;
  const high = Math.max(...known) + flat;
  const [start, end] = [at[0], at[at.length - 1]];
  const x = (seconds) => PAD + ((WIDTH - 2 * PAD) * (seconds - start)) / (end - start || 1);
  const y = (value) => HEIGHT - PAD - ((HEIGHT - 2 * PAD) * (value - low)) / (high - low || 1);
  const path = (values) => {
    let d = "";
    let pen = "M";
    values.forEach((value, index) => {
      if (value === null) {
        pen = "M";
        return;
      }
      d += `${pen}${x(at[index]).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
    });
    return d;
  };
  const first = ctr.find((value) => value !== null);
  const last = ctr.findLast((value) => value !== null);
  const label = `CTR from ${percent(first)} to ${percent(last)}, expected ${percent(expected.at(-1))}`;
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "spark", role: "img", "aria-label": label },
    svg("path", { d: path(expected), class: "spark-expected" }),
    svg("path", { d: path(ctr), class: "spark-ctr" }),
  );
}
