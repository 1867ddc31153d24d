// The browsers of arenas and of trajectories.

function browseArenas(root, entries) {
  browse(root, {
    entries,
    noun: "arenas",
    facets: {
      Domain: (entry) => entry.domain,
      Scenario: (entry) => entry.scenario.replaceAll("_", " "),
      Variant: (entry) => entry.variant.replaceAll("_", " "),
      Proof: (entry) => entry.proof,
      "Sub-questions": (entry) => String(entry.gold.length),
    },
    row: (entry) => [
      h("div", { class: "top" }, h("span", {}, entry.domain), h("span", {}, counted(entry.gold.length, "sub-question"))),
      h("div", { class: "text" }, entry.question),
    ],
    detail: arenaDetail,
  });
}

function arenaDetail(entry) {
  const withheld = new Set(entry.followUps.flatMap((followUp) => followUp.reveals));
  const note = (tool) => (tool.distractor ? "distractor" : withheld.has(tool.name) ? "withheld at first" : null);
  const proof = { proved: "good", failed: "bad" }[entry.proof];
  return [
    h("div", { class: "chips" },
      [entry.domain, entry.scenario, entry.variant].map((text) => chip(text.replaceAll("_", " "))), chip(entry.proof, proof)),
    h("h3", { class: "question" }, entry.question),
    goldTable(entry.gold, null),
    entry.followUps.map((followUp) =>
      said("user", `user, when the agent first stops${followUp.reveals.length ? `; reveals ${followUp.reveals.join(", ")}` : ""}`, followUp.content, "", [])),
    entry.answer ? said("assistant", "final answer", entry.answer, "", []) : null,
    h("div", {}, h("h4", {}, counted(entry.tools.length, "tool")), entry.tools.map((tool) => toolDocument(tool, note(tool)))),
    entry.checks.length ? checkTable(entry.checks) : null,
    h("p", { class: "note" }, `arena ${entry.id} · `, Object.entries(entry.provenance).map(([key, value]) => `${key} ${[value].flat().join(", ")}`).join(" · ")),
  ].flat().filter(Boolean);
}

function checkTable(checks) {
  const rows = checks.map((check) =>
    h("tr", {},
      h("td", {}, check.name.replaceAll("_", " ")),
      h("td", {}, chip(check.passed ? "passed" : check.reason.replaceAll("_", " "), check.passed ? "good" : "bad")),
      h("td", {}, check.detail)));
  return h("div", {}, h("h4", {}, "Proof"), h("table", { class: "grid-table" }, h("tbody", {}, rows)));
}

function browseTrajectories(root, entries, shared) {
  browse(root, {
    entries,
    noun: "trajectories",
    facets: {
      Domain: (entry) => entry.domain,
      Status: (entry) => entry.status,
      Messages: (entry) => String(entry.messages.length),
    },
    row: (entry) => [
      h("div", { class: "top" }, h("span", {}, entry.domain), h("span", {}, counted(entry.messages.length, "message"))),
      h("div", { class: "text" }, entry.question),
    ],
    detail: (entry) => [
      h("div", { class: "chips" }, entry.domain ? chip(entry.domain) : null, chip(entry.status, entry.status === "broken" ? "bad" : ""),
        Object.entries(entry.scores).map(([name, score]) => chip(`${name} ${number(score)}`))),
      h("h3", { class: "question" }, entry.question),
      h("details", {}, h("summary", {}, counted(entry.tools.length, "tool")), entry.tools.map((place) => toolDocument(shared.tools[place]))),
      conversation(entry.messages, [], ""),
      h("p", { class: "note" }, `trajectory ${entry.id}`),
    ],
  });
}
