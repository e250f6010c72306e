// A display for a wall: its parts take turns, figures come as they are, and what is not new says so with its time.
"use strict";
{
  const TURN_MS = 12_000, RENEW_MS = 60_000, LATE_MS = 20_000;
  const body = document.body, panels = document.getElementById("panels"), lost = document.querySelector(".lost"), button = document.querySelector("button");
  let number = 0, isPaused = false, late = 0, at = document.querySelector("[data-now=at]").textContent, isOld = false, couldRenew = true;

  const turn = () => {
    const parts = [...panels.children];
    for (const [place, part] of parts.entries()) part.classList.toggle("shown", place === number % parts.length);
  };
  panels.classList.add("turns");
  turn();
  setInterval(() => {
    if (isPaused) return;
    number += 1;
    turn();
  }, TURN_MS);
  const pause = () => {
    isPaused = !isPaused;
    button.textContent = isPaused ? body.dataset.on : body.dataset.pause;
  };
  button.hidden = false;
  button.addEventListener("click", pause);
  document.addEventListener("keydown", (event) => {
    if (event.key === " " && event.target !== button) pause();
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      number += event.key === "ArrowRight" ? 1 : panels.children.length - 1;
      turn();
    }
  });

  const say = () => {
    const isLost = isOld || !couldRenew;
    lost.textContent = body.dataset.lost.replace("{at}", at);
    lost.hidden = !isLost;
    body.classList.toggle("old", isLost);
  };
  const old = () => {
    isOld = true;
    say();
  };
  const fill = (part, now) => {
    for (const place of part.querySelectorAll("[data-now]")) if (now[place.dataset.now] !== undefined) place.textContent = now[place.dataset.now];
  };

  function listen() {
    const source = new EventSource(body.dataset.live);
    source.onmessage = (event) => {
      clearTimeout(late);
      late = setTimeout(old, LATE_MS);
      const now = JSON.parse(event.data);
      if ("late" in now) return now.late ? old() : undefined;
      isOld = false;
      at = now.at;
      for (const place of document.querySelectorAll("[data-now]")) {
        if (!place.closest("[data-building]") && now[place.dataset.now] !== undefined) place.textContent = now[place.dataset.now];
      }
      for (const row of document.querySelectorAll("[data-building]")) if (now.buildings[row.dataset.building]) fill(row, now.buildings[row.dataset.building]);
      return say();
    };
    source.addEventListener("end", () => location.reload());
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return;
      old();
      setTimeout(listen, RENEW_MS);
    };
  }
  late = setTimeout(old, LATE_MS);
  listen();

  // The other figures: asked for each minute. A link that has ended shows that it has.
  setInterval(async () => {
    const answer = await fetch(location.pathname).catch(() => null);
    if (answer && (answer.status === 403 || answer.redirected)) location.reload();
    couldRenew = answer?.ok ?? false;
    if (couldRenew) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of ["panels", "figures-at"]) document.getElementById(id).replaceChildren(...fresh.getElementById(id).childNodes);
      turn();
    }
    say();
  }, RENEW_MS);
}
