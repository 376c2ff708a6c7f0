// Small charts, drawn as SVG: one path each, whatever the number of points. Each has its words for screen readers.
import { h, s } from "./dom.js";

/** Points of a line from values, oldest first, in a box of `width` by `height`. */
function line(values, width, height, top) {
  const step = width / Math.max(1, values.length - 1);
  return values
    .map(
      (value, at) =>
        `${at === 0 ? "M" : "L"}${(at * step).toFixed(1)} ${(height - (Math.min(value, top) / top) * height).toFixed(1)}`,
    )
    .join("");
}

/** A line without axes, for a tile. `draw(values)` shows others. */
export function spark(words) {
  const path = s("path", { class: "stroke" });
  const area = s("path", { class: "area" });
  const element = s(
    "svg",
    { class: "spark", viewBox: "0 0 120 32", preserveAspectRatio: "none", role: "img", "aria-label": words },
    area,
    path,
  );
  return {
    element,
    draw(values) {
      const d = values.length > 1 ? line(values, 120, 30, Math.max(1e-9, ...values)) : "";
      path.setAttribute("d", d);
      area.setAttribute("d", d && `${d}L120 32L0 32Z`);
    },
  };
}

const W = 640;
const H = 180;

/** Bars over time with a scale. `draw(bars, unit)`; a bar is {value, title} or {parts: [[class, value]..], title}. */
export function bars(words, { className = "" } = {}) {
  const marks = s("g");
  const grid = s("g", { class: "grid" });
  const svg = s(
    "svg",
    {
      class: `chart ${className}`,
      viewBox: `0 0 ${W} ${H}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": words,
    },
    grid,
    marks,
  );
  const top = h("span", { class: "high" });
  const middle = h("span", { class: "half" });
  const element = h("div", { class: "plot" }, svg, top, middle);
  return {
    element,
    draw(items, format) {
      const sums = items.map(({ value, parts }) => value ?? parts.reduce((sum, [, part]) => sum + part, 0));
      // At least four: one of one is not a full house.
      const high = nice(Math.max(4, ...sums));
      top.textContent = format(high);
      middle.textContent = format(high / 2);
      grid.replaceChildren(...[0, 0.5].map((share) => s("path", { d: `M0 ${share * H + 0.5}H${W}` })));
      const byClass = new Map();
      const width = W / items.length;
      items.forEach(({ value, parts }, at) => {
        let y = H;
        for (const [name, part] of parts ?? [["bar", value]]) {
          const tall = (part / high) * H;
          if (tall <= 0) continue;
          y -= tall;
          const d = `M${(at * width + width * 0.12).toFixed(1)} ${y.toFixed(1)}h${(width * 0.76).toFixed(1)}v${tall.toFixed(1)}h-${(width * 0.76).toFixed(1)}z`;
          byClass.set(name, (byClass.get(name) ?? "") + d);
        }
      });
      marks.replaceChildren(...[...byClass].map(([name, d]) => s("path", { class: name, d })));
    },
  };
}

/** The least of 1, 2, 5, 10, .. that is not below a value. */
function nice(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * unit).find((round) => round >= value - 1e-12);
}

/** Lines over a common scale, with points: {class, values}. `y` turns a value into a share of the height. */
export function curves(words, series, { y, marks = [], xLabel, labels }) {
  const longest = Math.max(...series.map(({ values }) => values.length), 2);
  const at = (value, index) => [((index / (longest - 1)) * W).toFixed(1), (H - y(value) * H).toFixed(1)];
  const lines = series.map(({ name, values }) => {
    const d = values.map((value, index) => `${index === 0 ? "M" : "L"}${at(value, index).join(" ")}`).join("");
    return s("path", { class: `curve ${name}`, d, pathLength: 1 });
  });
  const rules = marks.map((value) => s("path", { class: "rule", d: `M0 ${(H - y(value) * H).toFixed(1)}H${W}` }));
  const svg = s(
    "svg",
    { class: "chart", viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", role: "img", "aria-label": words },
    rules,
    lines,
  );
  const ticks = labels.map(([value, name]) => {
    const tick = h("span", { class: "tick" }, name);
    // Of the height that the style gives the chart.
    tick.style.top = `${(1 - y(value)) * 12}rem`;
    return tick;
  });
  return h("div", { class: "plot curves" }, svg, ticks, h("span", { class: "x" }, xLabel));
}
