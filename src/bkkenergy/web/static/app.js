// What pages do beyond links and forms: filter tables, keep the language, show live power. Everything works without it.
"use strict";

// Where the server cannot be reached, the last figures are shown (sw.js). A browser offers this over TLS or on this machine alone.
if (navigator.serviceWorker && document.body.classList.contains("signed")) {
  const mark = new URL(document.currentScript.src).search.slice(1);
  navigator.serviceWorker.register(`/sw.js?mark=${mark}`).catch(() => {});
}

for (const input of document.querySelectorAll("[data-filter]")) {
  const rows = document.getElementById(input.dataset.filter).tBodies[0].rows;
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}

for (const link of document.querySelectorAll("[data-lang]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    document.cookie = `lang=${link.dataset.lang};path=/;max-age=31536000;samesite=lax`;
    location.reload();
  });
}

// The browser connects anew by itself when a stream ends; a hidden page listens to nothing.
function follow(address, onMessage) {
  let source = null;
  const look = () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else if (!source) {
      source = new EventSource(address);
      source.onmessage = (event) => onMessage(JSON.parse(event.data));
    }
  };
  document.addEventListener("visibilitychange", look);
  look();
}

for (const place of document.querySelectorAll("[data-live]")) {
  const at = document.querySelector("[data-live-at]");
  follow(place.dataset.live, (now) => {
    place.textContent = now.text;
    if (now.at) at.textContent = now.at;
  });
}

for (const list of document.querySelectorAll("[data-jobs]")) {
  follow(list.dataset.jobs, (counts) => {
    for (const place of list.querySelectorAll("[data-count]")) place.textContent = counts[place.dataset.count];
  });
}

const menu = document.querySelector("details.menu");
if (menu && matchMedia("(max-width: 720px)").matches) {
  menu.open = false;
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") menu.open = false;
  });
}
menu?.classList.add("set");

// Light or dark: what is chosen holds on this device until the other is chosen.
for (const button of document.querySelectorAll("[data-scheme]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const dark = document.getElementById("dark");
    const isDark = dark.media !== "not all" && matchMedia(dark.media).matches;
    localStorage.setItem("scheme", isDark ? "light" : "dark");
    location.reload();
  });
}

// A part that is asked for again and again, while it can be seen and no detail of it is open.
for (const part of document.querySelectorAll("[data-refresh]")) {
  setInterval(async () => {
    if (document.hidden || part.querySelector("details[open]")) return;
    const answer = await fetch(location.pathname + location.search).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
    if (fresh) part.replaceChildren(...fresh.childNodes);
  }, Number(part.dataset.refresh) * 1000);
}
