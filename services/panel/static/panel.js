// Everything works without this. With it parts of a page renew themselves, addresses are copied
// with one press, boxes are ticked together, and a form is sent once.
"use strict";

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
    if (now) old.dataset.live = now.dataset.live;
    if (!now || now.innerHTML === old.innerHTML || busy(old)) continue;
    const had = document.activeElement;
    const place = old.contains(had) && had.id;
    old.innerHTML = now.innerHTML;
    old.classList.add("fresh");
    old.addEventListener("animationend", () => old.classList.remove("fresh"), { once: true });
    if (place) document.getElementById(place)?.focus({ preventScroll: true });
  }
}

// A part in which somebody types, ticks or has marked text stays as it is.
function busy(part) {
  const marked = getSelection();
  if (marked && !marked.isCollapsed && part.contains(marked.anchorNode)) return true;
  if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, summary")) return true;
  return Boolean(part.querySelector("input:checked[type=checkbox], details[open]"));
}

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
});

addEventListener("change", (event) => {
  const all = event.target.closest("[data-all]");
  if (all) for (const box of document.querySelectorAll(`input[name="${all.dataset.all}"]`)) box.checked = all.checked;
});

addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 5000);
});

for (const hidden of document.querySelectorAll("[data-script]")) hidden.hidden = false;
document.querySelector("[aria-invalid=true]")?.focus();
