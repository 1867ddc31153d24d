// Messages, tool calls with their results, and tool documents.

const STATUS = { ok: "good", tool_error: "warn", unknown_tool: "bad", bad_json: "bad", bad_arguments: "bad", breach: "bad" };

function conversation(messages, events, unfinished) {
  const byId = new Map(events.map((event) => [event.id, event]));
  const results = new Map(messages.filter((m) => m.role === "tool").map((m) => [m.answers, m.content]));
  const called = new Set(messages.flatMap((m) => m.calls.map((call) => call.id)));
  let turn = 0;
  const blocks = messages
    .filter((m) => m.role !== "tool" || !called.has(m.answers))
    .map((m) => {
      if (m.role === "assistant") turn += 1;
      const calls = m.calls.map((call) => callCard(call, byId.get(call.id), results.get(call.id)));
      return said(m.role, m.role === "assistant" ? `assistant, turn ${turn}` : m.role, m.content, m.reasoning, calls);
    });
  if (unfinished) blocks.push(said("assistant", `assistant, turn ${turn + 1}: ran out of tokens`, unfinished, "", []));
  return h("div", { class: "turns" }, blocks);
}

function said(role, label, content, reasoning, calls) {
  return h("div", { class: `message ${role}` },
    h("div", { class: "role" }, label),
    reasoning ? h("details", {}, h("summary", {}, "thinking"), h("div", { class: "thinking" }, reasoning)) : null,
    content ? h("div", { class: "said" }, content) : null,
    calls);
}

function callCard(call, event, result) {
  const output = event?.output ?? result;
  return h("div", { class: "call" },
    h("div", { class: "title" },
      h("code", {}, call.name || event?.name || "no name"),
      event ? chip(event.status.replaceAll("_", " "), STATUS[event.status]) : null,
      event?.gold ? chip(`solves sub-question ${event.gold}`, "good") : null),
    jsonBlock(event?.raw || call.arguments),
    output === undefined ? h("p", { class: "empty" }, "not answered") : jsonBlock(output));
}

function goldTable(gold, solved) {
  const head = ["", "sub-question", "tool and arguments", "expected", solved ? "solved" : ""].map((text) => h("th", { scope: "col" }, text));
  const rows = gold.map((call) =>
    h("tr", {},
      h("td", {}, call.id),
      h("td", {}, call.question || "–", call.after.length ? h("div", { class: "note" }, `after ${call.after.join(", ")}`) : null),
      h("td", {}, h("code", {}, call.tool), h("div", {}, h("code", { class: "comment" }, call.arguments))),
      h("td", {}, h("code", {}, call.expected)),
      h("td", {}, solved ? (solved.has(call.id) ? chip("solved", "good") : chip("missed", "warn")) : "")));
  return h("table", { class: "grid-table gold" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows));
}

function toolDocument(tool, note) {
  const properties = Object.entries(tool.parameters.properties ?? {});
  const required = tool.parameters.required ?? [];
  const rows = properties.map(([name, schema]) =>
    h("tr", {},
      h("td", {}, h("code", {}, name)),
      h("td", {}, typeName(schema), required.includes(name) ? "" : ", optional"),
      h("td", {}, schema.description ?? "")));
  return h("details", { class: "tool" },
    h("summary", {}, h("code", {}, tool.name), " ", note ? chip(note) : null),
    h("div", {},
      h("p", {}, tool.description),
      rows.length ? h("table", { class: "grid-table" }, h("tbody", {}, rows)) : null,
      tool.source ? pythonBlock(tool.source) : null));
}

function typeName(schema) {
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  return schema.type === "array" && schema.items?.type ? `array of ${schema.items.type}` : [schema.type ?? "any"].flat().join(" | ");
}
