"use strict";
const find = (id) => document.getElementById(id);

function say(text, bad) {
  find("said").textContent = text;
  find("said").classList.toggle("bad", bad);
}

// Sends one call to the control interface and says what came of it.
async function call(what, body) {
  const [method, path] = what.split(" ");
  const bodiless = method === "DELETE";
  const headers = { "content-type": "application/json" };
  try {
    const answer = await fetch(path, { method, headers, body: bodiless ? undefined : JSON.stringify(body) });
    const words = await answer.json().catch(() => ({}));
    const detail = [words.detail ?? answer.statusText, ...(words.errors ?? [])].join(" ");
    say(answer.ok ? `${what}: done` : detail, !answer.ok);
  } catch {
    say("the simulator does not answer", true);
  }
}

// A form's filled-in fields as the body of a call.
function bodyOf(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled) continue;
    if (field.type === "checkbox") {
      if (field.checked) body[field.name] = true;
    } else if (field.value === "") {
      if (field.dataset.empty) body[field.name] = JSON.parse(field.dataset.empty);
    } else if ("list" in field.dataset) body[field.name] = field.value.split(/[ ,]+/).filter(Boolean);
    else body[field.name] = field.type === "number" ? field.valueAsNumber : field.value;
  }
  return body;
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-call]");
  if (!button || (button.dataset.sure && !confirm(button.dataset.sure))) return;
  call(button.dataset.call, JSON.parse(button.dataset.body ?? "{}"));
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.call) return;
  event.preventDefault();
  call(form.dataset.call, bodyOf(form));
});

// Shows only what the chosen fault takes.
function fitFault() {
  const takes = find("inject").elements.fault.selectedOptions[0].dataset.takes.split(" ");
  for (const label of document.querySelectorAll("[data-taken]")) {
    label.hidden = !takes.includes(label.dataset.taken);
    label.querySelector("input, select").disabled = label.hidden;
  }
}
find("inject").elements.fault.addEventListener("change", fitFault);
fitFault();

// Makes one element like another by the fewest changes, so that focus, scrolling and selections stay where they are.
function liken(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || old.nodeType !== 1) return old.replaceWith(fresh);
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  likenChildren(old, fresh);
}
function likenChildren(old, fresh) {
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    if (child.id) {
      const known = find(child.id);
      if (known?.parentNode !== old) {
        old.insertBefore(child, at);
        continue;
      }
      while (at && at !== known) at = drop(at);
      if (!at) at = old.appendChild(known);
    }
    if (!at) {
      old.append(child);
      continue;
    }
    const next = at.nextSibling;
    if (at.id && at.id !== child.id) old.insertBefore(child, at);
    else {
      liken(at, child);
      at = next;
    }
  }
  while (at) at = drop(at);
}
function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

// Follows the simulator, unless the page is held still.
let source;
function follow() {
  source?.close();
  const held = find("hold").checked;
  const tell = (state, words) => {
    document.body.dataset.live = state;
    find("live").textContent = words;
  };
  if (held) return tell("held", "held still");
  source = new EventSource("/_sim/page/events" + location.search);
  source.onopen = () => tell("on", "live");
  source.onerror = () => tell("off", "the simulator does not answer; trying again");
  source.onmessage = ({ data }) => {
    for (const [id, html] of Object.entries(JSON.parse(data))) {
      const fresh = document.createElement("template");
      fresh.innerHTML = html;
      likenChildren(find(id), fresh.content);
    }
  };
}
find("hold").addEventListener("change", follow);
follow();
