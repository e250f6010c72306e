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
    const [name, secure] = location.protocol === "https:" ? ["__Host-lang", ";secure"] : ["lang", ""];
    document.cookie = `${name}=${link.dataset.lang};path=/;max-age=31536000;samesite=lax${secure}`;
    location.reload();
  });
}

// The browser connects again by itself when a stream ends; a hidden page listens to nothing. onGone : nothing came for a while.
function follow(address, onMessage, onGone = () => {}) {
  let source = null, late = 0;
  const wait = () => {
    clearTimeout(late);
    late = setTimeout(onGone, 20_000);
  };
  const look = () => {
    if (document.hidden) {
      source?.close();
      source = null;
      clearTimeout(late);
    } else if (!source) {
      source = new EventSource(address);
      source.onmessage = (event) => {
        wait();
        onMessage(JSON.parse(event.data));
      };
      source.addEventListener("end", () => location.reload());
      source.onerror = () => {
        if (source?.readyState !== EventSource.CLOSED) return;
        source = null;
        onGone(true);
      };
      wait();
    }
  };
  document.addEventListener("visibilitychange", look);
  look();
}

// Power as the server says it. What is not heard of for a while is said to be old, with the time of the last figures.
function show(part, now) {
  for (const place of part.querySelectorAll("[data-now]")) {
    if (place.dataset.now in now && !(place.dataset.now === "at" && !now.at)) place.textContent = now[place.dataset.now];
  }
  if (now.state) part.dataset.state = now.state;
}
for (const part of document.querySelectorAll("[data-power]")) {
  const rows = new Map([...part.querySelectorAll("[data-building]")].map((row) => [row.dataset.building, row]));
  const heads = [...part.querySelectorAll("[data-now]")].filter((place) => !place.closest("[data-building]"));
  const lost = part.querySelector(".lost");
  let at = heads.find((place) => place.dataset.now === "at").textContent;
  const old = (isRefused) => {
    lost.textContent = isRefused === true ? part.dataset.many : part.dataset.lost.replace("{at}", at);
    lost.hidden = false;
    if (isRefused === true) setTimeout(() => location.reload(), 60_000);
  };
  follow(part.dataset.power, (now) => {
    if ("late" in now) {
      if (now.late) old();
      return;
    }
    lost.hidden = true;
    at = now.at || at;
    for (const place of heads) if (place.dataset.now in now && (place.dataset.now !== "at" || now.at)) place.textContent = now[place.dataset.now];
    for (const [building, said] of Object.entries(now.buildings ?? {})) if (rows.has(building)) show(rows.get(building), said);
    for (const demand of now.buildings ? [] : document.querySelectorAll("[data-demand]")) show(demand, now);
  }, old);
}

for (const list of document.querySelectorAll("[data-jobs]")) {
  follow(list.dataset.jobs, (counts) => {
    for (const place of list.querySelectorAll("[data-count]")) place.textContent = counts[place.dataset.count];
  });
}

// What a survey entered and the server does not have yet stays on this device (survey.js): signing out says so.
document.querySelector("form[data-unsent]")?.addEventListener("submit", (event) => {
  const count = Number(localStorage.getItem("unsent"));
  if (count > 0 && !confirm(event.target.dataset.unsent.replace("%", count))) event.preventDefault();
});

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

// What is wider than the window can be scrolled by keys too.
function reachScrolling() {
  for (const part of document.querySelectorAll(".scroll:not([tabindex])")) if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
}
reachScrolling();
addEventListener("resize", reachScrolling);

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

// Parts that are asked for again and again, while they can be seen and no detail of them is open: all of a page at once.
// A table with data-renew has its cells renewed, row by row, so that its order and its filter stay.
const renewed = [...document.querySelectorAll("[data-refresh]")];
if (renewed.length) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(location.pathname + location.search).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of renewed) {
      const other = fresh.getElementById(part.id);
      if (other && !part.querySelector("details[open]")) part.replaceChildren(...other.childNodes);
    }
    for (const table of document.querySelectorAll("table[data-renew]")) {
      const rows = new Map([...fresh.querySelectorAll(`#${table.id} [data-row]`)].map((row) => [row.dataset.row, row]));
      for (const row of table.querySelectorAll("[data-row]")) {
        const cells = rows.get(row.dataset.row)?.cells ?? [];
        for (const [number, cell] of [...cells].entries()) row.cells[number].replaceChildren(...cell.childNodes);
      }
    }
  }, Math.min(...renewed.map((part) => Number(part.dataset.refresh))) * 1000);
}
