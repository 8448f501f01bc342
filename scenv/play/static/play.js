// What a page cannot do alone: send forms without a flash, keep slider and number together, keys, light and dark.
// Every page works without this file. No rule of the game stands here.
"use strict";

const page = () => document.getElementById("main");

function say(text) {
  document.getElementById("said").textContent = text || "";
}

function typing(target) {
  return target instanceof HTMLElement && target.matches("input, select, textarea, button, a, summary");
}

// Take the main part of another page, title and address included.
function show(html, url, keepFocus) {
  const next = new DOMParser().parseFromString(html, "text/html");
  const focused = document.activeElement && document.activeElement.id;
  page().replaceWith(document.adoptNode(next.getElementById("main")));
  document.title = next.title;
  if (url && url !== location.href) history.pushState(null, "", url);
  const target = document.getElementById(keepFocus && focused ? focused : "quantity") || page();
  target.focus({ preventScroll: true });
  if (target.select) target.select();
  const said = page().querySelector("[data-say]");
  say(said ? said.dataset.say : (page().querySelector(".error") || {}).textContent);
}

async function send(form, button) {
  const data = new FormData(form, button);
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(data) });
  show(await answer.text(), answer.url, false);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-swap]")) return;
  event.preventDefault();
  if (form.dataset.busy) return;
  form.dataset.busy = "yes";
  form.setAttribute("aria-busy", "true");
  send(form, event.submitter).catch(() => form.submit());
});

window.addEventListener("popstate", () => location.reload());

// A network that is chosen changes the firms that are offered.
document.addEventListener("change", async (event) => {
  const form = event.target.form;
  if (!event.target.matches("[data-reload]")) return;
  const query = new URLSearchParams(new FormData(form));
  query.delete("firm");
  const answer = await fetch(form.dataset.setup + "?" + query);
  show(await answer.text(), null, true);
  const again = page().querySelector("[data-reload]");
  if (again) again.focus();
});

// Slider and number are one order.
document.addEventListener("input", (event) => {
  const number = document.getElementById("quantity"), slider = document.getElementById("slider");
  if (event.target === slider) number.value = slider.value;
  if (event.target === number) slider.value = number.value;
});

// Digits and arrows go to the order from anywhere on the page.
document.addEventListener("keydown", (event) => {
  const number = document.getElementById("quantity");
  if (!number || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (/^[0-9]$/.test(event.key)) {
    number.focus();
    number.select();
  } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    if (event.key === "ArrowUp") number.stepUp(); else number.stepDown();
    number.dispatchEvent(new Event("input", { bubbles: true }));
    number.focus();
    event.preventDefault();
  } else if (event.key === "Enter") {
    number.form.requestSubmit();
  }
});

function theme() {
  const saved = localStorage.getItem("theme");
  if (saved) document.documentElement.dataset.theme = saved;
  const button = document.getElementById("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  });
}

// In class: ask every second whether there is something new; what is being typed stays.
async function poll() {
  const mark = page().querySelector("[data-poll]");
  if (!mark || page().querySelector("[data-busy]")) return;
  const state = await (await fetch(mark.dataset.poll)).json();
  for (const clock of page().querySelectorAll("[data-left]")) {
    clock.textContent = state.left === null ? "" : clock.dataset.left.replace("{seconds}", state.left);
  }
  if (String(state[mark.dataset.field]) === mark.dataset.version) return;
  const answer = await fetch(location.href);
  if (!page().querySelector("[data-busy]") && answer.ok) show(await answer.text(), null, true);
}

setInterval(() => poll().catch(() => {}), 1000);
theme();
