// Elements, numbers and texts. Everything that comes from data goes in as text, never as markup.

function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(1).replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function chip(text, kind) {
  return h("span", { class: `chip ${kind ?? ""}` }, text);
}

const LINE = 84; // Characters of JSON that stay on one line.

// Pretty JSON from its text. Tokens keep their spelling: 1.0 stays 1.0. What is no JSON is shown as it is.
function jsonBlock(text) {
  if (!isJson(text)) return h("pre", {}, text);
  const tokens = text.match(/"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  return h("pre", { class: "json" }, indented(tokens));
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// Line breaks and indentation; an object or array that fits one line stays on it.
function indented(tokens) {
  const parts = [];
  let depth = 0;
  let inlineUntil = -1;
  tokens.forEach((token, i) => {
    if ("{[".includes(token) && i > inlineUntil) {
      const end = closing(tokens, i);
      if (tokens.slice(i, end + 1).join(" ").length <= LINE) inlineUntil = end;
    }
    const inline = i <= inlineUntil;
    const newLine = () => (inline ? "" : "\n" + "  ".repeat(depth));
    if ("{[".includes(token)) {
      depth += 1;
      parts.push(token, newLine());
    } else if ("}]".includes(token)) {
      depth -= 1;
      parts.push(newLine(), token);
    } else if (token === ",") parts.push(token, inline ? " " : newLine());
    else if (token === ":") parts.push(": ");
    else parts.push(h("span", { class: jsonClass(token, tokens[i + 1]) }, token));
  });
  return parts;
}

function closing(tokens, open) {
  let depth = 0;
  return tokens.findIndex((token, i) => {
    if (i < open) return false;
    depth += "{[".includes(token) ? 1 : "}]".includes(token) ? -1 : 0;
    return depth === 0;
  });
}

function jsonClass(token, next) {
  if (token.startsWith('"')) return next === ":" ? "name" : "string";
  return /^[-\d]/.test(token) ? "number" : "word";
}

const PYTHON = /(#.*)|("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\b(def|return|if|elif|else|for|while|in|not|and|or|is|import|from|as|class|try|except|finally|raise|with|lambda|yield|pass|break|continue|None|True|False)\b|\b(\d[\d._e]*)\b/g;

function pythonBlock(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(PYTHON)) {
    const kind = ["comment", "string", "word", "number"][match.slice(1).findIndex((group) => group !== undefined)];
    parts.push(text.slice(end, match.index), h("span", { class: kind }, match[0]));
    end = match.index + match[0].length;
  }
  return h("pre", {}, parts, text.slice(end));
}
