// Everything works without this. With it parts of a page renew themselves, addresses are copied
// with one press, boxes are ticked together, and a form is sent once.
"use strict";

// What a screen reader says, from where one is.
const tell = (words) => document.getElementById("dito")?.replaceChildren(words);
const told = (part) => [...part.querySelectorAll("[data-tell]")].map((one) => one.textContent.trim()).join(" ");

const parts = () => document.querySelectorAll("[data-live]");

async function renew() {
  if (document.hidden || !parts().length) return;
  let fresh;
  try {
    const answer = await fetch(location.href, { headers: { "X-Live": "1" }, redirect: "manual" });
    if (!answer.ok) return;
    fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return;
  }
  for (const old of parts()) {
    const now = fresh.getElementById(old.id);
    if (!now || busy(old)) continue;
    now.dataset.live ? (old.dataset.live = now.dataset.live) : delete old.dataset.live;
    if (shown(now) === shown(old)) continue;
    const had = document.activeElement;
    const place = old.contains(had) && had.id;
    const before = told(old);
    old.innerHTML = now.innerHTML;
    const after = told(old);
    if (after && after !== before) tell(after);
    old.classList.add("fresh");
    old.addEventListener("animationend", () => old.classList.remove("fresh"), { once: true });
    if (place) document.getElementById(place)?.focus({ preventScroll: true });
  }
}

// What a part shows; the words of a form that are new in every answer change nothing of it.
const shown = (part) => part.innerHTML.replace(/(name="(?:csrf|uma_vez)" value=")[^"]*/g, "$1");

// A part in which somebody types, ticks or has marked text stays as it is.
function busy(part) {
  const marked = getSelection();
  if (marked && !marked.isCollapsed && part.contains(marked.anchorNode)) return true;
  if (part.querySelector("[data-sent]")) return true;
  if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, summary")) return true;
  if ([...part.querySelectorAll("input:not([type=hidden]), textarea")].some(edited)) return true;
  return Boolean(part.querySelector("input:checked[type=checkbox], details[open]:not([data-open]), details[data-open]:not([open])"));
}

const edited = (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked;

// The page says after how many seconds to look again: sooner where its figures are not of now.
function later() {
  const part = document.querySelector("[data-live]");
  if (part) setTimeout(() => renew().finally(later), 1000 * Number(part.dataset.live));
}
later();

addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy");
  }
  button.textContent = button.dataset.done;
  tell(button.dataset.done);
});

addEventListener("change", (event) => {
  const all = event.target.closest("[data-all]");
  if (all) for (const box of document.querySelectorAll(`input[name="${all.dataset.all}"]`)) box.checked = all.checked;
});

addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  setTimeout(free, 5000, form);
});
const free = (form) => delete form.dataset.sent;
// Back on a page that the browser had kept as it was: its forms may be sent again.
addEventListener("pageshow", () => [...document.forms].forEach(free));

// Whoever comes back to a page that answered a form is not asked to send it again.
const here = document.body.dataset.here;
if (here) history.replaceState(null, "", here);

for (const hidden of document.querySelectorAll("[data-script]")) hidden.hidden = false;
(document.querySelector("[aria-invalid=true]") ?? document.getElementById("recusa"))?.focus();

// A list that is sorted: by its handles, dragged or with the arrow keys. What is sent is the order
// of the hidden fields; nothing is in force before the page that shows what changes.
function sortable(list) {
  const form = document.getElementById(list.dataset.sorts);
  const changed = (item) => {
    form.hidden = false;
    const all = [...list.children];
    tell(list.dataset.said.replace("{place}", all.indexOf(item) + 1).replace("{all}", all.length));
  };
  // The other one moves, so that what is held or has the focus stays where it is in the page.
  const pass = (item, up) => {
    const other = up ? item.previousElementSibling : item.nextElementSibling;
    if (other) item[up ? "after" : "before"](other);
    return Boolean(other);
  };
  list.addEventListener("keydown", (event) => {
    const item = event.target.matches(".handle") && event.target.closest("li");
    if (!item || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    if (!pass(item, event.key === "ArrowUp")) return;
    changed(item);
  });
  list.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest(".handle");
    if (!handle) return;
    const item = handle.closest("li");
    handle.setPointerCapture(event.pointerId);
    item.classList.add("dragged");
    const move = (at) => {
      const over = item.previousElementSibling?.getBoundingClientRect();
      const under = item.nextElementSibling?.getBoundingClientRect();
      if (over && at.clientY < over.top + over.height / 2) pass(item, true);
      else if (under && at.clientY > under.top + under.height / 2) pass(item, false);
      else return;
      changed(item);
    };
    const end = () => {
      item.classList.remove("dragged");
      handle.removeEventListener("pointermove", move);
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", end, { once: true });
  });
}
document.querySelectorAll("[data-sorts]").forEach(sortable);
