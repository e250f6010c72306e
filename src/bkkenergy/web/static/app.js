// What pages do beyond links and forms: filter tables, keep the language, show live power. Everything works without it.
"use strict";

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

// The browser connects anew by itself when the stream ends; a hidden page listens to nothing.
for (const place of document.querySelectorAll("[data-live]")) {
  const at = document.querySelector("[data-live-at]");
  let source = null;
  const listen = () => {
    source = new EventSource(place.dataset.live);
    source.onmessage = (event) => {
      const now = JSON.parse(event.data);
      place.textContent = now.text;
      if (now.at) at.textContent = now.at;
    };
  };
  const follow = () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else if (!source) listen();
  };
  document.addEventListener("visibilitychange", follow);
  follow();
}

const menu = document.querySelector("details.menu");
if (menu && matchMedia("(max-width: 720px)").matches) menu.open = false;
