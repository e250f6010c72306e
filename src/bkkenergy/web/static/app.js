// What pages do beyond links and forms: filter tables, keep the language, show live power. Everything works without it.
"use strict";

// Where the server cannot be reached, the last figures are shown (sw.js). A browser offers this over TLS or on this machine alone.
if (navigator.serviceWorker && document.body.classList.contains("signed")) {
  const mark = new URL(document.currentScript.src).search.slice(1);
  navigator.serviceWorker.register(`/sw.js?mark=${mark}`).catch(() => {});
}

// Thai has characters that can be written in two ways: both are found. data-said : what else a row is found by.
const plain = (text) => text.normalize("NFKC").toLowerCase();
for (const input of document.querySelectorAll("[data-filter]")) {
  const rows = document.getElementById(input.dataset.filter).tBodies[0].rows, none = document.getElementById(input.dataset.none);
  input.addEventListener("input", () => {
    const words = plain(input.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const said = plain(`${row.textContent} ${row.dataset.said ?? ""}`);
      row.hidden = !words.every((word) => said.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    if (none) none.hidden = shown > 0;
  });
}

// A column sorts by its heading: figures from the highest, names as the language has them, what is not known always last.
function valueOf(cell) {
  const text = cell.textContent.trim().replaceAll(",", "").replace("−", "-");
  const number = Number.parseFloat(text);
  return text === "" || text === "–" ? null : Number.isNaN(number) || cell.tagName === "TH" ? cell.textContent.trim() : number;
}
for (const table of document.querySelectorAll("table[data-sort]")) {
  const heads = [...table.tHead.rows[0].cells];
  for (const [column, head] of heads.entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sorter";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const isNumber = head.classList.contains("n");
      const rises = head.ariaSort ? head.ariaSort === "descending" : !isNumber;
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", rises ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows].map((row) => [valueOf(row.cells[column]), row]);
      rows.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), document.documentElement.lang);
        return rises ? order : -order;
      });
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  }
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
