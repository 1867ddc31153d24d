// The browser of episodes.

function f1Bucket(entry) {
  if (!entry.reward) return "unknown";
  const f1 = entry.reward.f1;
  return f1 === 0 ? "0" : f1 === 1 ? "1" : f1 < 0.5 ? "0 to 0.5" : "0.5 to 1";
}

function f1Text(entry) {
  return entry.reward ? `F1 ${entry.reward.f1.toFixed(2)}` : "F1 unknown";
}

function browseEpisodes(root, entries, shared) {
  const stages = [...new Set(entries.map((entry) => entry.stage))];
  const others = stages.filter((stage) => !["random", "sft", "rl"].includes(stage));
  const stageClass = ({ stage }) => (others.includes(stage) ? `hue-${3 + (others.indexOf(stage) % 3)}` : `stage-${stage}`);
  browse(root, {
    entries,
    noun: "episodes",
    facets: {
      Stage: (entry) => entry.stage,
      Domain: (entry) => entry.domain,
      Variant: (entry) => entry.variant,
      F1: f1Bucket,
      Stopped: (entry) => entry.stop.replaceAll("_", " "),
    },
    row: (entry) => [
      h("div", { class: "top" },
        h("span", { class: stageClass(entry) }, h("i", { class: "dot" }), entry.stage),
        h("span", {}, f1Text(entry))),
      h("div", { class: "text" }, entry.question || entry.arena),
    ],
    detail: (entry, go) => episodeDetail(entry, shared, sameArena(entry, entries, go, stageClass), stageClass(entry)),
  });
}

// What the other models did with the same question.
function sameArena(entry, entries, go, stageClass) {
  const same = entries.filter((other) => other.arena === entry.arena && other !== entry);
  const links = same.map((other) =>
    h("button", { class: `chip stage ${stageClass(other)}`, onclick: () => go(other) }, `${other.stage}: ${f1Text(other)}`));
  return links.length ? h("div", { class: "chips" }, h("span", { class: "note" }, "Same arena:"), links) : null;
}

function episodeDetail(entry, shared, same, stageClass) {
  const solved = new Set(entry.events.map((event) => event.gold).filter((gold) => gold !== null));
  const goldTools = new Set(entry.gold.map((call) => call.tool));
  const tools = entry.tools.map((place) => shared.tools[place]);
  const stopped = entry.stop.replaceAll("_", " ");
  return [
    h("div", { class: "chips" },
      h("span", { class: `chip stage ${stageClass}` }, entry.stage),
      [entry.domain, entry.scenario, entry.variant].filter(Boolean).map((text) => chip(text.replaceAll("_", " "))),
      chip(stopped, entry.stop === "finished" ? "" : "warn")),
    h("h3", { class: "question" }, entry.question),
    rewardLine(entry.reward),
    same,
    entry.gold.length ? goldTable(entry.gold, solved) : null,
    h("details", {}, h("summary", {}, `${counted(tools.length, "tool")} shown`),
      tools.map((tool) => toolDocument(tool, goldTools.has(tool.name) ? "gold" : null))),
    conversation(entry.messages, entry.events, entry.unfinished),
    entry.tokens ? tokenView(entry.tokens, shared.vocabulary) : null,
    h("p", { class: "note" }, Object.entries(entry.facts).map(([name, value]) => `${name} ${value}`).join(" · "), ` · arena ${entry.arena}`),
  ].filter(Boolean);
}

function rewardLine(reward) {
  if (!reward) return h("p", { class: "reward" }, h("b", {}, "Reward unknown"), ": the episode could not be scored.");
  const { n, solved, calls, recall, precision, f1 } = reward;
  return h("p", { class: "reward" },
    h("b", {}, `F1 ${f1.toFixed(3)}`), ` = 2 · ${solved} solved / (${n} sub-questions + ${calls} calls)`,
    ` · recall ${recall.toFixed(3)} · precision ${precision.toFixed(3)}`);
}

function tokenView(tokens, vocabulary) {
  const body = h("div", {});
  const draw = () => {
    if (body.childNodes.length) return;
    const cut = tokens.total > tokens.ids.length ? ` The first ${tokens.ids.length} of ${tokens.total} are in this page.` : "";
    body.append(
      h("p", { class: "note" }, "Grey was given, blue was sampled, orange was sampled with a probability below 0.5.", cut),
      h("div", { class: "tokens" }, tokenSpans(tokens, vocabulary)));
  };
  const label = `Tokens: ${tokens.total}, of which ${tokens.sampled} sampled`;
  return h("details", { ontoggle: draw }, h("summary", {}, label), body);
}

function tokenSpans({ ids, runs, logprobs }, vocabulary) {
  const sampled = runs.flatMap((length, i) => Array(length).fill(i % 2 === 1));
  let next = 0;
  return ids.map((id, i) => {
    const text = vocabulary[id] ?? `${id} `;
    if (!sampled[i]) return h("span", { class: "given", title: `id ${id}` }, text);
    const logprob = logprobs[next++];
    return h("span", { class: logprob < Math.log(0.5) ? "sampled unlikely" : "sampled", title: `id ${id}, log-prob ${logprob}` }, text);
  });
}
