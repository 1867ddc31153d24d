// As much of a browser's document as the report's scripts need, to run them in node.
// Use: node fake_dom.js PAGE.html ACTIONS.js; ACTIONS may use `document`, `find`, `text` and `print`.

const fs = require("fs");

class Node {
  constructor(name) {
    Object.assign(this, { name, attributes: {}, children: [], listeners: {}, clientWidth: 400, clientHeight: 190 });
    Object.assign(this, { value: "", scrollTop: 0, offsetTop: 0, offsetHeight: 10 });
  }
  get childNodes() { return this.children; }
  get id() { return this.attributes.id; }
  get textContent() { return this.children.map((c) => (c instanceof Node ? c.textContent : String(c))).join(""); }
  set textContent(text) { this.children = [text]; }
  set innerHTML(_) { throw new Error("data must go in as text"); }
  setAttribute(key, value) { this.attributes[key] = String(value); }
  removeAttribute(key) { delete this.attributes[key]; }
  append(...nodes) { this.children.push(...nodes); }
  replaceChildren(...nodes) { this.children = nodes; }
  addEventListener(type, listener) { (this.listeners[type] ??= []).push(listener); }
  fire(type, event = {}) {
    for (const listener of this.listeners[type] ?? []) listener({ preventDefault() {}, target: this, ...event });
  }
  focus() { document.focused = this; }
  getBoundingClientRect() { return { left: 0 }; }
}

const page = fs.readFileSync(process.argv[2], "utf8");
const between = (start, end) => page.slice(page.indexOf(start) + start.length, page.indexOf(end, page.indexOf(start)));
const byId = Object.fromEntries(["charts", "smoothing", "browser-root", "data"].map((id) => [id, new Node(id)]));
byId.data.textContent = between('<script type="application/json" id="data">', "</script>");
const script = between("<script>", "</script>");

global.ResizeObserver = class {
  constructor(draw) { this.draw = draw; }
  observe() { this.draw(); }
};
global.document = Object.assign(new Node("document"), {
  createElement: (name) => new Node(name),
  createElementNS: (_, name) => new Node(name),
  getElementById: (id) => byId[id],
});

const all = (node) => [node, ...node.children.filter((c) => c instanceof Node).flatMap(all)];
const find = (name, wanted = "") =>
  all(byId.charts).concat(all(byId["browser-root"])).filter((n) => n.name === name && (n.attributes.class ?? "").includes(wanted));
const text = (nodes) => nodes.map((n) => n.textContent);
const print = (value) => console.log(JSON.stringify(value));

const actions = fs.readFileSync(process.argv[3], "utf8");
new Function("find", "text", "print", `${script}\n${actions}`)(find, text, print);
