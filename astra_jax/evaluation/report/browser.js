// A list of records with filters and a search, and the detail of the one that is selected.
// `facets`: {label: entry => text}; `row`, `detail`: entry => elements.

function browse(root, { entries, noun, facets, row, detail }) {
  const state = { chosen: entries, at: 0 };
  const search = h("input", { type: "search", placeholder: "question, tool, result …", oninput: () => filter() });
  const selects = Object.entries(facets).map(([label, of]) => facetSelect(label, of, entries, () => filter()));
  const count = h("output", { "aria-live": "polite" });
  const list = h("ul", { class: "entries", role: "listbox", tabindex: "0", "aria-label": noun });
  const pane = h("article", { class: "detail", tabindex: "0", "aria-label": "Selected record" });
  const texts = entries.map(() => null);
  entries.forEach((entry, i) => (entry.place = i));

  const matches = (entry, words) => {
    texts[entry.place] ??= allText(entry).join("\n").toLowerCase();
    return words.every((word) => texts[entry.place].includes(word));
  };
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = entries.filter((entry) => selects.every((select) => select.accepts(entry)) && matches(entry, words));
    Object.assign(state, { chosen: kept });
    count.textContent = `${kept.length} of ${entries.length}`;
    list.replaceChildren(...kept.map(item));
    select(0);
  };
  const item = (entry, i) =>
    h("li", { id: `entry-${entry.place}`, role: "option", "aria-selected": "false", onclick: () => select(i) }, row(entry));
  const select = (i) => {
    list.children[state.at]?.setAttribute("aria-selected", "false");
    state.at = Math.max(0, Math.min(state.chosen.length - 1, i));
    const entry = state.chosen[state.at];
    pane.replaceChildren(...(entry ? detail(entry, go) : [h("p", { class: "empty" }, `No ${noun} match.`)]));
    pane.scrollTop = 0;
    if (!entry) return list.removeAttribute("aria-activedescendant");
    const element = list.children[state.at];
    element.setAttribute("aria-selected", "true");
    list.setAttribute("aria-activedescendant", element.id);
    keepInView(list, element);
  };
  // Shows `entry`, whatever the filters hide.
  const go = (entry) => {
    if (!state.chosen.includes(entry)) {
      search.value = "";
      selects.forEach((facet) => facet.clear());
      filter();
    }
    select(state.chosen.indexOf(entry));
  };

  list.addEventListener("keydown", (event) => {
    const last = state.chosen.length - 1;
    const to = { ArrowDown: state.at + 1, j: state.at + 1, ArrowUp: state.at - 1, k: state.at - 1, Home: 0, End: last }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    select(to);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.closest?.("input, select")) return;
    event.preventDefault();
    search.focus();
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "ArrowDown") list.focus();
  });
  root.append(
    h("div", { class: "browser" },
      h("div", { class: "toolbar" }, h("label", { class: "search" }, "Search", search), selects.map((s) => s.element), count),
      h("div", { class: "panes" }, list, pane)),
  );
  filter();
}

// A filter by one property. One that would have a single choice is left out.
function facetSelect(label, of, entries, onchange) {
  const counts = new Map();
  for (const entry of entries) counts.set(of(entry), (counts.get(of(entry)) ?? 0) + 1);
  const select = h("select", { onchange }, h("option", { value: "" }, "all"));
  [...counts.keys()]
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .forEach((value) => select.append(h("option", { value: `=${value}` }, `${value || "unknown"} (${counts.get(value)})`)));
  return {
    element: counts.size > 1 ? h("label", {}, label, select) : null,
    accepts: (entry) => !select.value || select.value === `=${of(entry)}`,
    clear: () => (select.value = ""),
  };
}

function allText(value) {
  if (typeof value === "string") return [value];
  if (value === null || typeof value !== "object") return [];
  return Object.values(value).flatMap(allText);
}

// Scrolls the list alone; the page itself stays where the reader left it.
function keepInView(list, element) {
  const [top, bottom] = [element.offsetTop - list.offsetTop, element.offsetTop - list.offsetTop + element.offsetHeight];
  if (top < list.scrollTop) list.scrollTop = top;
  else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
}
