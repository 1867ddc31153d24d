// Draws what the page's data holds.

const data = JSON.parse(document.getElementById("data").textContent);
if (data.charts.length) drawCharts(document.getElementById("charts"), data.charts, document.getElementById("smoothing"));
if (data.browser) {
  const { kind, entries, shared } = data.browser;
  const draw = { episodes: browseEpisodes, arenas: browseArenas, trajectories: browseTrajectories }[kind];
  draw(document.getElementById("browser-root"), entries, shared);
}
