// Line charts. Points are [step, value or null]; a null breaks the line.

const MARGIN = { left: 48, right: 12, top: 8, bottom: 22 };

// Round numbers from at most `low` to at least `high`: 1, 2 or 5 times a power of ten apart.
function ticks(low, high, count) {
  if (low === high) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * (1 - 1e-9));
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

// An exponential average that is corrected for its start, so that it begins at the first value.
function smooth(points, weight) {
  let mean = 0;
  let total = 0;
  return points.map(([step, value]) => {
    if (value === null) return [step, null];
    mean = weight * mean + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return [step, mean / total];
  });
}

function valueRange(values) {
  let [low, high] = values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  if (low > high) return [0, 1];
  if (low === high) return low === 0 ? [0, 1] : [Math.min(0, 2 * low), Math.max(0, 2 * low)];
  if (low > 0 && low < 0.5 * high) low = 0; // Near enough to zero to show it.
  return [low, high];
}

function path(points, x, y) {
  let pen = "M";
  return points
    .map(([step, value]) => {
      if (value === null) return (pen = "M") && "";
      const piece = `${pen}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
      return piece;
    })
    .join("");
}

function describe(series) {
  const known = series.points.filter(([, value]) => value !== null);
  if (!known.length) return `${series.name}: no known value.`;
  const [first, last] = [known[0], known[known.length - 1]];
  return `${series.name}: ${number(first[1])} at step ${first[0]}, ${number(last[1])} at step ${last[0]}.`;
}

function chartCard(chart) {
  const label = chart.series.map(describe).join(" ");
  const plot = svg("svg", { class: "chart", role: "img", tabindex: "0", "aria-label": `${chart.title}. ${label}` });
  const legend = h("div", { class: "legend", "aria-live": "off" });
  const element = h("figure", { class: "card" }, h("h4", {}, chart.title), legend, plot);
  const state = { chart, plot, legend, weight: 0, at: null };
  const move = (at) => {
    state.at = at;
    drawChart(state);
  };
  plot.addEventListener("pointermove", (event) => move(nearestStep(state, event)));
  plot.addEventListener("pointerleave", () => move(null));
  plot.addEventListener("blur", () => move(null));
  plot.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const steps = allSteps(chart);
    const from = state.at === null ? (by > 0 ? -1 : steps.length) : steps.indexOf(state.at);
    move(steps[Math.max(0, Math.min(steps.length - 1, from + by))]);
  });
  new ResizeObserver(() => drawChart(state)).observe(plot);
  return { element, redraw: (weight) => drawChart(Object.assign(state, { weight })) };
}

function allSteps(chart) {
  return [...new Set(chart.series.flatMap((series) => series.points.map(([step]) => step)))].sort((a, b) => a - b);
}

function scales({ chart, plot }) {
  const steps = allSteps(chart);
  const values = chart.series.flatMap((series) => series.points.map(([, value]) => value)).filter((v) => v !== null);
  const [width, height] = [plot.clientWidth, plot.clientHeight];
  const marks = ticks(...valueRange(values), 4);
  const [low, high] = [marks[0], marks[marks.length - 1]];
  const [start, end] = [steps[0], steps[steps.length - 1]];
  const x = (step) => MARGIN.left + ((step - start) / (end - start || 1)) * (width - MARGIN.left - MARGIN.right);
  const y = (value) => MARGIN.top + ((high - value) / (high - low || 1)) * (height - MARGIN.top - MARGIN.bottom);
  const stepMarks = ticks(start, end, Math.max(2, Math.floor(width / 90))).filter((step) => step >= start && step <= end);
  return { x, y, marks, stepMarks, steps, width, height };
}

function nearestStep(state, event) {
  const { x, steps } = scales(state);
  const at = event.clientX - state.plot.getBoundingClientRect().left;
  return steps.reduce((best, step) => (Math.abs(x(step) - at) < Math.abs(x(best) - at) ? step : best), steps[0]);
}

function drawChart(state) {
  const { chart, plot, weight, at } = state;
  const { x, y, marks, stepMarks, width, height } = scales(state);
  if (!width) return;
  const text = (attributes, content) => svg("text", attributes, content);
  const curves = chart.series.map((series, i) => {
    const smoothed = smooth(series.points, weight);
    const found = at === null ? null : smoothed.find(([step, value]) => step === at && value !== null);
    return svg(
      "g",
      { class: `hue-${(i % 5) + 1}` },
      weight > 0 ? svg("path", { class: "curve raw", d: path(series.points, x, y) }) : null,
      svg("path", { class: "curve", d: path(smoothed, x, y) }),
      series.points.length === 1 || found ? dot(found ?? smoothed[0], x, y) : null,
    );
  });
  plot.replaceChildren(
    ...marks.map((v) => svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(v), y2: y(v) })),
    ...marks.map((v) => text({ x: MARGIN.left - 8, y: y(v) + 4, "text-anchor": "end" }, number(v))),
    ...stepMarks.map((s) => text({ x: x(s), y: height - 5, "text-anchor": "middle" }, number(s))),
    ...(at === null ? [] : [svg("line", { class: "cursor", x1: x(at), x2: x(at), y1: MARGIN.top, y2: height - MARGIN.bottom })]),
    ...curves,
  );
  drawLegend(state);
}

function dot([step, value], x, y) {
  return value === null ? null : svg("circle", { cx: x(step), cy: y(value), r: 3.5 });
}

// The legend doubles as the tooltip: it shows the values under the cursor, or the last ones.
function drawLegend({ chart, legend, weight, at }) {
  const items = chart.series.map((series, i) => {
    const points = smooth(series.points, weight);
    const point = at === null ? points[points.length - 1] : points.find(([step]) => step === at);
    const dotMark = h("i", { class: `dot hue-${(i % 5) + 1}` });
    return h("span", {}, dotMark, series.name, h("b", {}, number(point?.[1])));
  });
  legend.replaceChildren(...items, h("span", {}, at === null ? "" : `step ${number(at)}`));
}

function drawCharts(root, charts, slider) {
  const cards = [];
  for (const stage of [...new Set(charts.map((chart) => chart.stage))]) {
    const own = charts.filter((chart) => chart.stage === stage).map(chartCard);
    cards.push(...own);
    root.append(h("h3", {}, stage), h("div", { class: "charts" }, own.map((card) => card.element)));
  }
  slider.addEventListener("input", () => cards.forEach((card) => card.redraw(Number(slider.value))));
}
