// The picture of a DA block: every row a cell, originals above, the rows that the code adds below.
import { h } from "./dom.js";
import { int } from "./format.js";

/** Bit `7 - i % 8` of byte `i / 8` is row `i`. */
export function rowSet(told, rows) {
  if (told === "all") return () => true;
  return (row) =>
    row < rows && Boolean((parseInt(told.slice((row >> 3) * 2, (row >> 3) * 2 + 2), 16) >> (7 - (row & 7))) & 1);
}

/** What a variable of the style is now, in this theme. */
function colour(element, name) {
  element.style.color = `var(--${name})`;
  return getComputedStyle(element).color;
}

/**
 * `kind(row)` is what a row is: {fill, mark, words}; colours are names of variables of the style. Arrow keys and the
 * pointer go from row to row, and what the row is stands below.
 */
export function matrix({ rows, originals, kind, summary }) {
  const columns = rows <= 256 ? 32 : rows <= 4096 ? 64 : 128;
  const lines = Math.ceil(rows / columns);
  const canvas = h("canvas", {
    class: "matrix",
    tabindex: 0,
    role: "slider",
    "aria-label": `Rows of the matrix. ${summary}`,
    "aria-valuemin": 0,
    "aria-valuemax": rows - 1,
    "aria-valuenow": 0,
    "aria-valuetext": "use the arrow keys",
  });
  const readout = h("p", { class: "readout", "aria-hidden": "true" }, "Point at a row, or use the arrow keys.");
  let at = -1;
  const draw = () => {
    const width = canvas.clientWidth || 640;
    const cell = width / columns;
    const gap = cell > 5 ? 1 : cell > 3 ? 0.5 : 0;
    const seam = Math.max(4, cell / 2);
    const height = lines * cell + seam;
    const scale = devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    const paint = canvas.getContext("2d");
    paint.scale(scale, scale);
    const colours = new Map();
    const of = (name) => colours.get(name) ?? colours.set(name, colour(canvas, name)).get(name);
    for (let row = 0; row < rows; row += 1) {
      const { fill, mark } = kind(row);
      const [x, y] = [(row % columns) * cell, Math.floor(row / columns) * cell + (row >= originals ? seam : 0)];
      paint.fillStyle = of(fill);
      paint.fillRect(x, y, cell - gap, cell - gap);
      if (mark) {
        paint.fillStyle = of(mark);
        const radius = Math.max(1.2, (cell - gap) / 3.2);
        paint.beginPath();
        paint.arc(x + (cell - gap) / 2, y + (cell - gap) / 2, radius, 0, 7);
        paint.fill();
      }
      if (row === at) {
        paint.strokeStyle = of("ink");
        paint.lineWidth = 2;
        paint.strokeRect(x, y, cell - gap, cell - gap);
      }
    }
    canvas.geometry = { cell, seam };
  };
  const go = (row) => {
    at = Math.max(0, Math.min(rows - 1, row));
    const words = `row ${int(at)}: ${at < originals ? "original" : "added by the code"}, ${kind(at).words}`;
    canvas.setAttribute("aria-valuenow", at);
    canvas.setAttribute("aria-valuetext", words);
    readout.textContent = words;
    draw();
  };
  canvas.onkeydown = (event) => {
    const steps = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -columns,
      ArrowDown: columns,
      PageUp: -originals,
      PageDown: originals,
      Home: -Infinity,
      End: Infinity,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    go(at < 0 ? 0 : at + steps[event.key]);
  };
  canvas.onpointermove = canvas.onpointerdown = (event) => {
    const { cell, seam } = canvas.geometry;
    const [column, y] = [Math.floor(event.offsetX / cell), event.offsetY];
    const edge = (originals / columns) * cell;
    const line = Math.floor((y > edge ? Math.max(edge, y - seam) : y) / cell);
    const row = line * columns + column;
    if (row !== at && row >= 0 && row < rows) go(row);
  };
  const resized = new ResizeObserver(() => {
    if (canvas.clientWidth !== canvas.drawnWidth) {
      canvas.drawnWidth = canvas.clientWidth;
      draw();
    }
  });
  resized.observe(canvas);
  addEventListener("theme", draw);
  return {
    element: h("div", { class: "picture" }, canvas, readout),
    draw,
    stop: () => (resized.disconnect(), removeEventListener("theme", draw)),
  };
}
